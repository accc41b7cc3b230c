# SPDX-License-Identifier: GPL-3.0-or-later
"""A real hub with a real server of alice's on it that has our configuration, for tests that need no more of a host than that.

There is no proxy: who comes to the server comes to its port.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from jupyterhub_collab import server as package
from jupyterhub_collab.names import SERVER_SETTINGS
from people.sockets import Door
from ports import free_port

PATIENCE = 60  # seconds for whatever has to happen on a machine that may be busy
CONFIG = """
import sys

from jupyterhub.proxy import Proxy


class NoProxy(Proxy):
    should_start = False

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {{}}


c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.authenticator_class = "null"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{directory}/home/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--HubOAuth.cache_max_age={seconds}", *{options!r}]
c.Spawner.default_url = "/api"
c.Spawner.port = {port}
c.Spawner.environment = {environment!r}
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}, {{"name": "alice", "api_token": "{service_token}"}}]
c.JupyterHub.load_groups = {{"teachers": {{"users": ["erin"]}}}}
c.JupyterHub.load_roles = [
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "tokens", "shares", "admin:groups"]}},
    {{"name": "owners", "users": ["alice"], "scopes": ["self"]}},
    {{"name": "guests", "users": ["bob", "dave", "erin"], "services": ["alice"], "scopes": ["access:servers!server=alice/"]}},
]
c.Authenticator.admin_users = {{"carol"}}
"""


class LocalHub:
    """alice owns the server; carol is an administrator; bob, dave and erin may come in, erin as one of the group teachers.

    A service of the hub that may come in, too, bears alice's name.
    """

    def __init__(
        self,
        directory: Path,
        *options: str,
        seconds: int = 1,
        variables: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.token, self.service_token = "1" * 32, "2" * 32
        self._tokens: dict[str, str] = {"service": self.service_token}
        self._hub_port, self._port = free_port(), free_port()
        environment = {
            "JUPYTER_CONFIG_PATH": str(Path(package.__file__).parent / "config"),
            SERVER_SETTINGS: json.dumps({"state_directory": str(directory / "state"), **settings}),
            "PYTHONPATH": str(directory),
            **(variables or {}),
        }
        text = CONFIG.format(
            hub_port=self._hub_port,
            port=self._port,
            directory=directory,
            seconds=seconds,
            options=list(options),
            environment=environment,
            token=self.token,
            service_token=self.service_token,
        )
        (directory / "jupyterhub_config.py").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[Self]:
        """The hub and the server run meanwhile."""
        self.start()
        try:
            self.start_server()
            yield self
        finally:
            self.end()

    # The hub

    def start(self) -> None:
        """Start the hub and wait until it answers."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub"],
                cwd=self.directory,
                stdout=log,
                stderr=log,
                env={**os.environ, "JUPYTERHUB_CRYPT_KEY": ""},
            )
        wait_until(self._answers)

    def kill(self) -> None:
        """End the hub as a crash does, which leaves the server running."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """End the hub, and the server with it."""
        try:
            self.ask("DELETE", "users/alice/server")
            wait_until(lambda: not self.runs)
        finally:
            self.kill()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._hub_port}/hub/api").status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._hub_port}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(
            method,
            f"{self.address}/hub/api/{path}",
            headers={"Authorization": f"token {self.token}"},
            json=body,
            timeout=PATIENCE,
        )
        answer.raise_for_status()
        return answer.json() if answer.text else None

    def token_of(self, name: str) -> str:
        """Return a token with all rights of a user."""
        if name not in self._tokens:
            self._tokens[name] = self.ask("POST", f"users/{name}/tokens", {})["token"]
        return self._tokens[name]

    def forget(self, name: str) -> None:
        """Take from somebody whatever they have shown so far, as a logout does."""
        for token in self.ask("GET", f"users/{name}/tokens")["api_tokens"]:
            self.ask("DELETE", f"users/{name}/tokens/{token['id']}")
        self._tokens.pop(name, None)

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    # alice's server

    def start_server(self) -> None:
        self.ask("POST", "users/alice/server")
        wait_until(lambda: self.runs)

    @property
    def runs(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api").status_code == 200
        except httpx.HTTPError:
            return False

    def end_from_inside(self, who: str) -> None:
        """Have somebody shut the server down by its own API, and wait until the hub knows."""
        self.at_server(who, "POST", "api/shutdown").raise_for_status()
        wait_until(lambda: not self.runs)
        self.ask("DELETE", "users/alice/server")

    @property
    def own_token(self) -> str:
        """The server's own token, as somebody reads it in a terminal there."""
        process = self.ask("GET", "users/alice?include_stopped_servers")["servers"][""]["state"]["pid"]
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        return next(each for each in variables if each.startswith(b"JUPYTERHUB_API_TOKEN=")).decode()[21:]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/user/alice"

    def at_server(self, name: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Return the server's answer to a program of somebody."""
        return self.at_server_with(self.token_of(name), method, path, body)

    def at_server_with(self, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"token {token}"}
        return httpx.request(method, f"{self.url}/{path}", headers=headers, json=body, timeout=PATIENCE)

    def door(self, name: str, path: str) -> Door:
        """Return where a websocket is, and what somebody shows there."""
        address = self.url.replace("http", "ws", 1)
        return Door(f"{address}/{path}", {"Authorization": f"token {self.token_of(name)}"})


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {seconds} s")
        time.sleep(0.1)
