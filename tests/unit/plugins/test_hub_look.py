# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a change, a hub is asked as it will be afterwards: a healthy hub that cannot be checked is not changed."""

import os
import pwd
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jupyterhub
import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import health, look
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import live as live_hub
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import package as hub_package
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.api import NoAnswer
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.errors import Refused
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.live import LiveHub

import jupyterhub_collab
from child import Child
from local_hub import CONFIG, wait_until
from ports import free_port

SCHEME = "unix+http" if jupyterhub.version_info[0] < 6 else "http+unix"  # of addresses of Unix sockets
NO_PROXY = CONFIG.partition("c.JupyterHub.hub_port")[0].format()


class Hub:
    """A real hub on a Unix socket that looks like a systemd unit's, because a test machine need not have systemd."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "hub.sock"
        (directory / "jupyterhub_config.py").write_text(
            NO_PROXY
            + "c.JupyterHub.proxy_class = NoProxy\n"
            + f"c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = '{SCHEME}://{quote(str(self.socket), safe='')}'\n"
            + "c.JupyterHub.authenticator_class = 'null'\nc.JupyterHub.db_url = 'sqlite:///hub.sqlite'\n"
        )
        self.url = f"{SCHEME}://{quote(str(self.socket), safe='')}/hub/api"

    @contextmanager
    def running(self) -> Iterator[None]:
        command = [sys.executable, "-m", "jupyterhub"]
        with (
            (self.directory / "log").open("wb") as log,
            Child(command, cwd=self.directory, stdout=log, stderr=log) as process,
        ):
            self.process = process
            wait_until(lambda: bool(health.version(self.url, self.show("hub"))))
            yield

    def show(self, name: str) -> Unit:
        told = {"ActiveState": "active", "MainPID": str(self.process.pid), "InvocationID": "one"}
        told |= {
            "User": pwd.getpwuid(os.getuid()).pw_name,
            "WorkingDirectory": str(self.directory),
            "Environment": f"PATH={os.environ['PATH']}",
        }
        return Unit(name, told)

    def described(self, **more: Any) -> dict[str, Any]:
        database = {"url": f"sqlite:///{self.directory}/hub.sqlite", "options": {}}
        return {"api_url": self.url, "database": database, **more}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("hub"))
    with hub.running():
        yield hub


@pytest.fixture
def live(running: Hub, monkeypatch: pytest.MonkeyPatch) -> LiveHub:
    for module in (look, live_hub):
        monkeypatch.setattr(module, "show", running.show)
    package = hub_package.HubPackage({})
    package.path = str(Path(jupyterhub_collab.__file__).parents[1])
    return LiveHub("hub", package, 1, 0, print)


def itself() -> Unit:
    """Return a unit whose hub is this process."""
    told = {"ActiveState": "active", "MainPID": str(os.getpid()), "User": pwd.getpwuid(os.getuid()).pw_name}
    return Unit("hub", told)


def never() -> dict[str, Any]:
    raise AssertionError("the files must not be read if the hub answers")


def test_hub_on_a_unix_socket_is_seen(running: Hub, live: LiveHub) -> None:
    """A hub on a Unix socket is found with its token and database, in either spelling of the URL.

    Each JupyterHub release line has its own.
    """
    told = running.described()
    hub, held = look.before_change(live, told, never)
    assert hub is told
    assert held is not None
    assert "user" in held["roles"]
    look.knock(running.url.replace("http+unix", "unix+http"), running.show("hub"))


def test_hub_that_listens_elsewhere_than_it_did_is_found(running: Hub, live: LiveHub) -> None:
    """A hub that listens elsewhere than recorded is found, because the record may be outdated and the candidate new."""
    old = running.described(api_url=f"http://127.0.0.1:{free_port()}/hub/api")
    assert look.before_change(live, old, running.described)[0]["api_url"] == running.url


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"api_url": "http://127.0.0.1:1/hub/api"}, "nothing answers at http://127.0.0.1:1/hub/api"),
        ({"api_url": "http+unix://%2Fnowhere%2Fhub.sock/hub/api"}, "nothing answers at"),
        (
            {"database": {"url": "sqlite:////nowhere/hub.sqlite", "options": {}}},
            "failed to read the hub's database",
        ),
    ],
)
def test_hub_that_cannot_be_seen_stops_a_change(
    running: Hub, live: LiveHub, wrong: dict[str, Any], why: str
) -> None:
    """A hub that cannot be checked stops the change with one sentence, and continues to run."""
    with pytest.raises(Refused, match=why):
        look.before_change(live, running.described(**wrong), lambda: running.described(**wrong))
    assert health.version(running.url, running.show("hub"))


def test_token_of_another_hubs_database_is_noticed(running: Hub, live: LiveHub, tmp_path: Path) -> None:
    """The token of another hub's database is noticed before the change. Otherwise, the shutdown would be refused and the hub killed."""
    shutil.copy(running.directory / "hub.sqlite", tmp_path)
    other = running.described(database={"url": f"sqlite:///{tmp_path}/hub.sqlite", "options": {}})
    with pytest.raises(Refused, match="rejects a token from its database with status 403"):
        look.before_change(live, other, lambda: other)


def test_hub_that_hangs_is_known_as_such(
    running: Hub, live: LiveHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub that accepts connections but does not answer counts as hanging: the check does not fail, because the hub needs a restart."""
    monkeypatch.setattr(look, "HANG_SECONDS", 0.5)
    monkeypatch.setattr(look, "ANSWER_SECONDS", 0.5)
    running.process.send_signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert look.before_change(live, running.described(), running.described)[1] is None
        assert time.monotonic() > begun + 0.5
    finally:
        running.process.send_signal(signal.SIGCONT)


def test_other_program_is_no_hub() -> None:
    """A program that answers in JSON without being JupyterHub is not taken for a hub."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ok"}')

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.handle_request).start()
        with pytest.raises(NoAnswer, match="that is not JupyterHub answers"):
            look.knock(f"http://127.0.0.1:{server.server_port}/hub/api", itself())


@pytest.mark.parametrize("kind", ["port", "socket"])
def test_who_is_in_the_place_of_the_hub_is_told_before_a_change(
    running: Hub, live: LiveHub, tmp_path: Path, kind: str
) -> None:
    """A process that listens in the hub's place is reported before a change, as it is after one. The unit's hub runs meanwhile."""
    place = str(tmp_path / "hub.sock")
    with socket.socket(socket.AF_UNIX if kind == "socket" else socket.AF_INET) as instead:
        instead.bind(place if kind == "socket" else ("127.0.0.1", 0))
        instead.listen()
        where = quote(place, safe="") if kind == "socket" else f"127.0.0.1:{instead.getsockname()[1]}"
        api_url = f"{'http+unix' if kind == 'socket' else 'http'}://{where}/hub/api"
        moved = running.described(api_url=api_url)
        with pytest.raises(Refused, match=rf"process {os.getpid()} of account .* instead of the hub"):
            look.before_change(live, moved, lambda: moved)
    assert health.version(running.url, running.show("hub"))
