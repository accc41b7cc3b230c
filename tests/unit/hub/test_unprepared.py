# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that starts where the collection's package is missing."""

from collections.abc import Iterator

import httpx
import pytest

from attacked_hub import THEIRS, Attacked
from local_hub import wait_until

# Unless the file prepared exists, servers start without the package's configuration, as on a node or in an image without the package. The
# failure limit is low so that a hub before release 6, which counts refusals as failures of its own, would end within the test. The spawner
# can start a server without its new settings, as one that resumes containers does.
BARE = """
import os
from jupyterhub.spawner import SimpleLocalProcessSpawner

class Resuming(SimpleLocalProcessSpawner):
    will_resume = property(lambda self: os.path.exists("{directory}/resumes"))

    async def start(self):
        if self.will_resume:
            self.environment = {{}}
        return await super().start()

c.JupyterHub.spawner_class = Resuming
c.Spawner.cmd = ["sh", "-c", 'test -e {directory}/prepared || unset JUPYTER_CONFIG_PATH; exec "$0" "$@"', *c.Spawner.cmd]
c.Spawner.consecutive_failure_limit = 2
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 30}}
c.JupyterHub.load_roles = [role for role in c.JupyterHub.load_roles if role["name"] not in ("guests", "team")]
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    hub = Attacked(tmp_path_factory.mktemp("hub"))
    config = hub.directory / "jupyterhub_config.py"
    config.write_text(config.read_text().replace(THEIRS, BARE.format(directory=hub.directory) + THEIRS))
    hub.start()
    hub.ask("POST", "users/bob")
    try:
        yield hub
    finally:
        hub.end()


def start(hub: Attacked) -> httpx.Response:
    return hub.at_hub_with(hub.token, "POST", "users/alice/server")


def share(hub: Attacked, what: str) -> httpx.Response:
    return hub.at_hub("alice", "POST", f"{what}/alice/", {"user": "bob"} if what == "shares" else {})


def test_one_that_nobody_else_may_open_starts_and_is_not_shared(hub: Attacked) -> None:
    """An unprotected server that only its owner can open starts, but cannot be shared. A restarted hub leaves it running.

    This holds even if all users can open it by then.
    """
    config = hub.directory / "jupyterhub_config.py"
    ours = config.read_text()
    assert start(hub).status_code == 201
    assert (
        "alice cannot be shared while it runs, because it is not protected: the collection's package is missing"
        in hub.log
    )
    for text in (ours.replace("everyone=False", "everyone=True"), ours):
        for what in ("shares", "share-codes"):
            answer = share(hub, what)
            assert answer.status_code == 409
            assert "This server cannot be shared while it runs" in answer.json()["message"]
        hub.kill()
        config.write_text(text)
        hub.start()
        assert hub.ask("GET", "users/alice")["servers"][""]["ready"]
    hub.ask("DELETE", "users/alice/server")


def test_one_that_others_may_open_is_stopped_and_its_user_is_told(hub: Attacked) -> None:
    """Requirement 91: an unprotected server that others can open is stopped, its user is told, and repeated attempts do not end the hub."""
    assert share(hub, "shares").status_code == 200
    answer = start(hub)
    assert answer.status_code == 400
    assert "its environment lacks the protection" in answer.json()["message"]
    assert not hub.runs
    assert hub.ask("GET", "users/alice")["servers"] == {}
    assert "alice was stopped, because it is not protected" in hub.log
    with hub.browser("alice") as browser:
        browser.get("/hub/spawn/alice")
        # The page reloads itself until it has more to say than that the server is starting.
        wait_until(lambda: "Spawn failed" in browser.get("/hub/spawn-pending/alice").text)
        assert "ask your administrator to prepare this one" in browser.get("/hub/spawn-pending/alice").text


def test_one_that_starts_as_it_did_before_is_stopped_too(hub: Attacked) -> None:
    """A server that resumes with its old settings, which our hook does not reach, is stopped. The log tells what to remove."""
    (hub.directory / "prepared").touch()
    (hub.directory / "resumes").touch()
    assert start(hub).status_code == 400
    assert "Remove that server (such as its container), so that the next start creates a new one" in hub.log
    (hub.directory / "resumes").unlink()


def test_it_starts_and_is_shared_once_it_is_guarded(hub: Attacked) -> None:
    assert start(hub).status_code == 201
    assert share(hub, "share-codes").status_code == 200
