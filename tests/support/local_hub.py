# SPDX-License-Identifier: GPL-3.0-or-later
"""A real hub and alice's real server with our configuration, for tests that need nothing else of a host.

There is no proxy: requests go directly to the server's port.
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

import plain_http
from jupyterhub_collab import server as package
from jupyterhub_collab.names import SERVER_SETTINGS
from people.sockets import Door
from ports import free_port

PATIENCE = 60  # seconds for anything, because the machine may be busy
CONFIG = """
import sys

from jupyterhub.proxy import Proxy
from jupyterhub.utils import exponential_backoff

# By default, the hub waits up to 5 s before it looks again whether a server has started or stopped.
assert exponential_backoff.__defaults__[:3] == (0.2, 2, 5)
exponential_backoff.__defaults__ = (0.1, 2, 0.2, *exponential_backoff.__defaults__[3:])


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
c.Spawner.args = ["--allow-root", *{options!r}]
c.LocalProcessSpawner.interrupt_timeout = 600  # a server must end at its first signal
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


NAVIGATE = {
    "Accept": "text/html",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Dest": "document",
}


class _Proxy(httpx.BaseTransport):
    """Send each request to the port for its path or host."""

    def __init__(self, hub: int, ports: Mapping[str, int]) -> None:
        self._hub, self._ports = hub, ports
        self._transport = httpx.HTTPTransport(verify=plain_http.CERTIFICATES)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        there = request.url.path, request.url.host + request.url.path
        port = next(
            (port for start, port in self._ports.items() if any(each.startswith(start) for each in there)),
            self._hub,
        )
        url = request.url.copy_with(host="127.0.0.1", port=port)
        # Keep the header Host of the original URL.
        passed = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return self._transport.handle_request(passed)


class LocalHub:
    """A hub on which alice owns the server, carol is an administrator, and bob, dave and erin have access. erin is in the group teachers.

    A service of the hub, which also has access, is named alice, too.
    """

    domain = ""  # the parent domain, if each user has a subdomain

    def __init__(
        self,
        directory: Path,
        *options: str,
        seconds: int = 1,
        variables: Mapping[str, str] | None = None,
        config: str = "",
        **settings: Any,
    ) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.token, self.service_token = "1" * 32, "2" * 32
        self._tokens: dict[str, str] = {"service": self.service_token}
        self._hub_port, self._port = free_port(), free_port()
        environment = {
            "JUPYTER_CONFIG_PATH": str(Path(package.__file__).parent / "config"),
            SERVER_SETTINGS: json.dumps(
                {"state_directory": str(directory / "state"), "revocation_seconds": seconds, **settings}
            ),
            "PYTHONPATH": str(directory),
            **(variables or {}),
        }
        text = CONFIG.format(
            hub_port=self._hub_port,
            port=self._port,
            directory=directory,
            options=list(options),
            environment=environment,
            token=self.token,
            service_token=self.service_token,
        )
        (directory / "jupyterhub_config.py").write_text(text + config)
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Run the hub and the server during the block."""
        self.start()
        try:
            self.start_server()
            yield self
        finally:
            self.end()

    # The hub

    def start(self) -> None:
        """Start the hub, and wait until it has compared the proxy's routes.

        It answers earlier, but ends if a server is stopped during that comparison.
        """
        with (self.directory / "log").open("ab") as log:
            self._log_before = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub"],
                cwd=self.directory,
                stdout=log,
                stderr=log,
                env={**os.environ, "JUPYTERHUB_CRYPT_KEY": ""},
            )
        try:
            wait_until(lambda: plain_http.answers(f"{self.hub_url}/hub/api") and self._has_compared_routes)
        except TimeoutError:
            self.kill()
            raise RuntimeError(self.log) from None

    @property
    def _has_compared_routes(self) -> bool:
        return b"JupyterHub is now running" in (self.directory / "log").read_bytes()[self._log_before :]

    def kill(self) -> None:
        """Kill the hub, as in a crash. The server continues to run."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the hub during the block: it accepts connections, and does not answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Stop the server and the hub."""
        try:
            self.ask("DELETE", "users/alice/server")
            wait_until(lambda: not self.runs)
        finally:
            self.kill()

    @property
    def hub_url(self) -> str:
        """The URL of the hub itself, behind the proxy if there were one."""
        return f"http://127.0.0.1:{self._hub_port}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the hub's API with all rights, and return what the response contains."""
        answer = self.at_hub_with(self.token, method, path, body)
        answer.raise_for_status()
        return answer.json() if answer.text else None

    def at_hub(self, name: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request to the hub's API as a user's program does, and return the response."""
        return self.at_hub_with(self.token_of(name), method, path, body)

    def at_hub_with(self, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"token {token}"}
        return plain_http.request(
            method, f"{self.hub_url}/hub/api/{path}", headers=headers, json=body, timeout=PATIENCE
        )

    def token_of(self, name: str) -> str:
        """Return a token with all scopes of a user."""
        if name not in self._tokens:
            self._tokens[name] = self.ask("POST", f"users/{name}/tokens", {})["token"]
        return self._tokens[name]

    def forget(self, name: str) -> None:
        """Revoke all tokens of a user, as a logout does."""
        for token in self.ask("GET", f"users/{name}/tokens")["api_tokens"]:
            self.ask("DELETE", f"users/{name}/tokens/{token['id']}")
        self._tokens.pop(name, None)

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    @contextmanager
    def browser(self, name: str = "", *, page: int = 0) -> Iterator[httpx.Client]:
        """Yield a browser, logged in as `name` if it is not empty. The hub's authenticator must accept any password.

        The browser reaches hub, server and sharing page at the same URL, as behind a proxy. `page` is the port of the sharing page.
        """
        ports = {"/user/alice/": self._port, "/services/sharing/": page}
        if self.domain:  # as a proxy with host-based routing does
            hosts = {
                "/user/alice/": f"alice.{self.domain}",
                "/services/sharing/": f"sharing--service.{self.domain}",
            }
            ports = {hosts[path] + path: port for path, port in ports.items()}
        with plain_http.Client(
            base_url=f"http://{self.domain or '127.0.0.1'}:8000",
            transport=_Proxy(self._hub_port, ports),
            headers=NAVIGATE,
            follow_redirects=True,
            timeout=PATIENCE,
        ) as browser:
            if name:
                browser.get("/hub/login")
                xsrf = next(each.value or "" for each in browser.cookies.jar if each.name == "_xsrf")
                form = {"username": name, "password": "x", "_xsrf": xsrf}
                answer = browser.post("/hub/login", data=form, follow_redirects=False)
                assert answer.status_code == 302, answer.text
            yield browser

    # alice's server

    def start_server(self) -> None:
        self.ask("POST", "users/alice/server")
        wait_until(lambda: self.runs)

    @property
    def runs(self) -> bool:
        return plain_http.answers(f"{self.url}/api")

    def end_from_inside(self, who: str) -> None:
        """Shut the server down through its own API as a user, and wait until the hub knows."""
        self.at_server(who, "POST", "api/shutdown").raise_for_status()
        wait_until(lambda: not self.runs)
        self.ask("DELETE", "users/alice/server")

    @property
    def server_process(self) -> int:
        """The ID of the server's process."""
        return int(self.ask("GET", "users/alice?include_stopped_servers")["servers"][""]["state"]["pid"])

    @property
    def own_token(self) -> str:
        """The server's own token, as users can read it in a terminal on the server."""
        variables = Path(f"/proc/{self.server_process}/environ").read_bytes().split(b"\0")
        return next(each for each in variables if each.startswith(b"JUPYTERHUB_API_TOKEN=")).decode()[21:]

    @property
    def server_url(self) -> str:
        """The address at which alice's server listens, as a URL."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"{self.server_url}/user/alice"

    def at_server(self, name: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request to the server as a user's program does, and return the response."""
        return self.at_server_with(self.token_of(name), method, path, body)

    def at_server_with(self, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"token {token}"}
        return plain_http.request(method, f"{self.url}/{path}", headers=headers, json=body, timeout=PATIENCE)

    def door(self, name: str, path: str) -> Door:
        """Return what is needed to open a websocket of the server as a user."""
        address = self.url.replace("http", "ws", 1)
        return Door(f"{address}/{path}", {"Authorization": f"token {self.token_of(name)}"})


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the condition was still false after {seconds} s")
        time.sleep(0.1)
