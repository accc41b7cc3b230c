# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that people would work on together, and that starts where this package is not."""

from collections.abc import Iterator

import httpx
import pytest

from attacked_hub import Attacked
from local_hub import wait_until

# As on a node or in an image without the package: nothing is there where the hub says. The hub of release 5 ends after failures of its own.
BARE = """
c.Spawner.cmd = ["sh", "-c", 'test -e {directory}/prepared || unset JUPYTER_CONFIG_PATH; exec "$0" "$@"', *c.Spawner.cmd]
c.Spawner.consecutive_failure_limit = 2
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 30}}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    hub = Attacked(tmp_path_factory.mktemp("hub"))
    config = hub.directory / "jupyterhub_config.py"
    config.write_text(config.read_text() + BARE.format(directory=hub.directory))
    hub.start()
    yield hub
    hub.kill()


def start(hub: Attacked) -> httpx.Response:
    headers = {"Authorization": f"token {hub.token}"}
    return httpx.post(f"{hub.hub_url}/hub/api/users/alice/server", headers=headers, timeout=60)


def test_it_is_stopped_and_its_user_is_told(hub: Attacked) -> None:
    """Requirement 91: however often, and without an end to the hub."""
    for _time in range(2):
        answer = start(hub)
        assert answer.status_code == 400
        assert "its environment lacks what guards it" in answer.json()["message"]
        assert not hub.runs
    assert hub.ask("GET", "users/alice")["servers"] == {}
    assert "alice was stopped, as nothing guards it" in hub.log
    with hub.browser("alice") as browser:
        browser.get("/hub/spawn/alice")
        # The page reloads itself until there is something else to say than that the server starts.
        wait_until(lambda: "Spawn failed" in browser.get("/hub/spawn-pending/alice").text)
        assert "ask your administrator to prepare this one" in browser.get("/hub/spawn-pending/alice").text


def test_it_starts_once_the_environment_is_prepared(hub: Attacked) -> None:
    assert start(hub).status_code == 400
    (hub.directory / "prepared").touch()
    assert start(hub).status_code == 201
    assert hub.runs


def test_one_that_runs_when_the_hub_starts_goes_on(hub: Attacked) -> None:
    """As one does that was started before there was collaboration."""
    path = hub.directory / "jupyterhub_config.py"
    (hub.directory / "prepared").unlink()
    hub.ask("DELETE", "users/alice/server")
    ours = path.read_text()
    hub.kill()
    path.write_text(ours.replace("refuse_unprepared=True", "refuse_unprepared=False"))
    hub.start()
    assert start(hub).status_code == 201
    hub.kill()
    path.write_text(ours)
    hub.start()
    assert hub.runs
    assert hub.ask("GET", "users/alice")["servers"][""]["ready"]
    hub.ask("DELETE", "users/alice/server")
