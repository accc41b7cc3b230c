# SPDX-License-Identifier: GPL-3.0-or-later
"""A real hub with our fragments and alice's server, for tests that act as a user who tries to get more access."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

import plain_http
from local_hub import LocalHub, wait_until
from ports import free_port
from sharing import PAGE
from stolen import code_in, exchange, page_for_code

CONFIG = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.load_groups = {{"team": {{"users": []}}}}
c.JupyterHub.load_roles.append({{"name": "team", "groups": ["team"], "scopes": ["access:servers!server=alice/"]}})
# Of the administrator's own, from here on:
c.Spawner.environment = {{**c.Spawner.environment, "JUPYTER_CONFIG_PATH": "{directory}"}}
c.Spawner.server_token_scopes = ["users:activity!user", "access:servers!server", "read:users:name!user"]

from jupyterhub_collab.hub.collaboration import collaborate
from jupyterhub_collab.hub.sharing import share_servers

share_servers(
    c, groups=[], by_name=True, link_seconds=3600, longest_link=86400, links_per_server=3, guesses_per_minute=3, ends_with_server={ends_with_server}, authorize_page=False,
    level="{level}", highest_level="{highest}", requests={requests}, project_prefix="project-", revocation={revocation}, log="{directory}/shares.jsonl", port={page}, account="nobody",
)
# The Python of the tests may be where nobody but root reads it, and the page's process gives up root.
c.JupyterHub.services[-1]["command"][2] = "import encodings.unicode_escape; " + c.JupyterHub.services[-1]["command"][2]
collaborate(
    c, everyone=False, accounts=[], owners=True, state_directory="", refuse_unprepared=True, history_megabytes=10, documents_per_person=3, websockets_per_person=5, mem_limit="", cpu_limit=0,
    idle_seconds=0, email_domain="",
)
"""
DOMAINS = """
c.JupyterHub.subdomain_host = "http://{domain}:8000"
"""
# A server extension that serves service workers with a scope of the whole domain, and lists the rooms.
WIDE = """
from jupyter_server.base.handlers import JupyterHandler


class Worker(JupyterHandler):
    def get(self, how):
        self.set_header("Content-Type", "text/javascript")
        if how == "raw":
            self.add_header("service-worker-allowed", "/")
        self.set_header("Service-Worker-Allowed", "/")
        self.finish("")


class Rooms(JupyterHandler):
    def get(self):
        (ydoc,) = self.serverapp.extension_manager.extension_apps["jupyter_server_ydoc"]
        self.finish({"rooms": sorted(ydoc.ywebsocket_server.rooms)})


def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*", [
        (app.base_url + r"wide/(worker|raw).js", Worker), (app.base_url + "wide/rooms", Rooms),
    ])
"""
THEIRS = "# Of the administrator's own, from here on:"
OUT = 30  # seconds; the server asks the hub once a second, but the machine may be busy
SERVER = "/user/alice/"


class Attacked(LocalHub):
    """A hub on which alice shares her server."""

    def __init__(self, directory: Path, *, domain: str = "", **settings: Any) -> None:
        """Configure the hub. Each user gets a subdomain of `domain`; if it is empty, everything is on one domain."""
        self.domain = domain
        self.page = free_port()
        directory.mkdir(exist_ok=True)
        told = {
            "level": "edit",
            "highest": "edit",
            "requests": True,
            "ends_with_server": False,
            "revocation": 1,
            "directory": directory,
            "page": self.page,
        } | settings
        (directory / "wide.py").write_text(WIDE)
        (directory / "jupyter_server_config.json").write_text(
            '{"ServerApp": {"jpserver_extensions": {"wide": true}}}'
        )
        super().__init__(
            directory, config=CONFIG.format(**told) + (DOMAINS.format(domain=domain) if domain else "")
        )

    @contextmanager
    def running_since_before(self) -> Iterator[None]:
        """Run the hub with a server that was started before the hub had our fragments.

        The hub is killed and started again with the fragments. `old_token_opened` says whether the server's own token still opened the
        server after that. Then the server is restarted, too.
        """
        path = self.directory / "jupyterhub_config.py"
        with_ours = path.read_text()
        path.write_text(with_ours.partition(THEIRS)[0])
        with self.running():
            old_token = self.own_token
            assert self.opens(old_token)
            self.kill()
            path.write_text(with_ours)
            self.start()
            assert self.opens(self.token_of("alice"))
            self.old_token_opened = True
            with suppress(TimeoutError):
                wait_until(lambda: not self.opens(old_token), OUT)
                self.old_token_opened = False
            self.restart_server()
            yield

    @property
    def page_runs(self) -> bool:
        """Whether the sharing page has started. The one of a killed hub has the port for up to a second."""
        return plain_http.answers(f"http://127.0.0.1:{self.page}{PAGE}health")

    def end_visit(self, browser: httpx.Client, guest: str) -> None:
        """Share the server with a guest whose browser then opens it, revoke the share, and wait until the server refuses the guest."""
        self.share(guest)
        browser.get("/user/alice/files/none")
        assert browser.get("/user/alice/api/contents").status_code == 200
        self.revoke(guest)
        wait_until(lambda: browser.get("/user/alice/api/contents").status_code == 403)

    def share(self, guest: str) -> None:
        self.ask("POST", "shares/alice/", {"user": guest})

    def revoke(self, guest: str) -> None:
        self.ask("PATCH", "shares/alice/", {"user": guest})

    def sign_in_of(self, name: str) -> str:
        """Return a user's token for alice's server, as the server has it in memory after their browser visited."""
        with self.browser(name) as browser:
            return self.exchange(self.code_of(browser))

    def code_of(self, browser: httpx.Client) -> str:
        """Return an authorization code for alice's server, as the hub gives it to a user's browser."""
        return code_in(browser.get(page_for_code("alice"), follow_redirects=False))

    def exchange(self, code: str) -> str:
        """Exchange an authorization code for a token, with the server's client secret, which is the server's own token."""
        return exchange(self.hub_url, "alice", self.own_token, code)

    def opens(self, token: str) -> bool:
        return self.at_server_with(token, "GET", "api/contents").status_code == 200

    def restart_server(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.ask("DELETE", "users/alice/server")
        wait_until(lambda: not self.runs)
        meanwhile()
        self.start_server()
