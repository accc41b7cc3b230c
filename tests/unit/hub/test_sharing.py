# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing merges into configurations, and problems of the host are reported before the hub changes."""

import json
import logging
import os
import pwd
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import apihandlers
from jupyterhub.app import JupyterHub
from sqlalchemy import event
from traitlets.config import Config

from jupyterhub_collab.hub import offered, sharing
from jupyterhub_collab.hub.authorize import Trusted
from jupyterhub_collab.hub.page_check import Page
from jupyterhub_collab.hub.policy import applied, lost
from jupyterhub_collab.hub.servers import revocation_seconds
from jupyterhub_collab.names import SIGN
from ports import free_port

ME = pwd.getpwuid(os.getuid()).pw_name
SETTINGS: dict[str, Any] = {
    "groups": [],
    "by_name": True,
    "link_seconds": 3600,
    "longest_link": 86400,
    "links_per_server": 100,
    "guesses_per_minute": 10,
    "ends_with_server": True,
    "authorize_page": True,
    "revocation": 5,
    "log": "/nowhere/shares.jsonl",
    "port": 905,
    "account": "nobody",
}


@pytest.fixture(autouse=True)
def unheard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep our listeners away from the database's events, because no hub runs in this process."""
    applied.clear()
    monkeypatch.setattr(event, "listen", lambda *what, **how: None)
    yield
    applied.clear()
    logging.getLogger("jupyterhub_collab.shares").handlers.clear()


def share(c: Config, **settings: Any) -> Config:
    sharing.share_servers(c, **SETTINGS | settings)
    return c


def scopes_of_everyone(c: Config) -> set[str]:
    roles = {role["name"]: set(role["scopes"]) for role in c.JupyterHub.get("load_roles", [])}
    return roles.get("user", set()) | set(c.JupyterHub.get("extra_user_scopes", set()))


def test_everyone_may_share_and_comes_to_the_page() -> None:
    rights = {"shares!user", "access:services!service=sharing"}
    names = {"read:users:name", "read:groups:name"}
    assert scopes_of_everyone(share(Config())) >= rights | names
    assert not scopes_of_everyone(share(Config(), by_name=False)) & names


def test_groups_alone_may_share() -> None:
    c = share(Config(), groups=["teachers"])
    assert "shares!user" not in scopes_of_everyone(c)
    assert "access:services!service=sharing" in scopes_of_everyone(c)
    (role,) = [role for role in c.JupyterHub.load_roles if role["name"] == "collab-sharing"]
    assert role["groups"] == ["teachers"]
    assert "shares!user" in role["scopes"]


def test_page_has_no_rights_of_its_own() -> None:
    """The service holds no scopes. It asks users only for scopes on their own servers and for names."""
    c = share(Config())
    (service,) = c.JupyterHub.services
    assert not {"admin", "api_token", "oauth_roles"} & service.keys()
    assert not [role for role in c.JupyterHub.get("load_roles", []) if "services" in role]
    bare = {"read:users:name", "read:groups:name"}
    assert all(scope.endswith("!user") or scope in bare for scope in service["oauth_client_allowed_scopes"])


@pytest.mark.parametrize(
    ("config", "settings", "sentence"),
    [
        ({"JupyterHub": {"services": [{"name": "sharing"}]}}, {}, "already has a service sharing"),
        (
            {"JupyterHub": {"load_roles": [{"name": "collab-sharing", "scopes": ["self"]}]}},
            {"groups": ["teachers"]},
            "load_roles already has a role collab-sharing",
        ),
        (
            {"SystemdSpawner": {"oauth_client_allowed_scopes": ["read:users"]}},
            {"authorize_page": False},
            "SystemdSpawner.oauth_client_allowed_scopes allows servers to act for their visitors",
        ),
    ],
)
def test_what_cannot_be_is_refused(config: dict[str, Any], settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        share(Config(config), **settings)


def test_tuples_are_extended_like_lists() -> None:
    """The hub takes a tuple for any of its lists."""
    c = share(Config({"JupyterHub": {"services": ({"name": "grades"},), "template_paths": ("/srv/pages",)}}))
    assert [service["name"] for service in c.JupyterHub.services] == ["grades", "sharing"]
    assert c.JupyterHub.template_paths == ["/srv/pages", str(sharing.TEMPLATES)]


def test_what_the_hub_loads_later_must_not_undo_it() -> None:
    c = share(Config(), groups=["teachers"])
    roles = {
        "user": {"scopes": ["access:services!service=sharing"], "users": [], "groups": []},
        "collab-sharing": {"scopes": ["shares!user"], "users": [], "groups": ["teachers"]},
    }
    assert lost(c, roles) == []
    c.JupyterHub.services = []
    roles["collab-sharing"]["groups"] = []
    c.Spawner.post_stop_hook = lambda _spawner: None
    assert lost(c, roles) == ["JupyterHub.load_roles", "JupyterHub.services", "Spawner.post_stop_hook"]


def test_servers_ask_again_as_often_as_the_policy_says() -> None:
    assert revocation_seconds(share(Config(), revocation=7)) == 7


def test_services_that_are_trusted_stay_trusted_beside_ours() -> None:
    named = Config({"JupyterHub": {"tornado_settings": {"oauth_no_confirm_list": {"service-grades"}}}})
    settings = share(named).JupyterHub.tornado_settings
    assert settings["oauth_no_confirm_list"] == {"service-grades", "service-sharing"}
    assert "tornado_settings" not in share(Config()).JupyterHub  # the hub creates its default list itself


def test_without_authorize_page_servers_are_trusted_and_no_service_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = {
        name: SimpleNamespace(oauth_client_id=f"service-{name}", oauth_no_confirm=name == "sharing")
        for name in ("sharing", "other")
    }
    monkeypatch.setattr(JupyterHub, "instance", lambda: SimpleNamespace(_service_map=services))
    settings = share(Config(), authorize_page=False).JupyterHub.tornado_settings
    trusted = settings["oauth_no_confirm_list"]
    assert isinstance(trusted, Trusted)
    assert "jupyterhub-user-alice" in trusted
    assert "service-sharing" in trusted
    assert "service-other" not in trusted


def test_servers_are_offered_where_the_page_is() -> None:
    """Offered servers are in no scopes of the service, so that its tokens do not grow with the number of servers."""
    c = share(Config())
    (before,) = c.JupyterHub.services
    before = dict(before)
    sharing.offer_servers(c, ["project-rainfall/"])
    sharing.offer_servers(c, ["alice/lab2"])
    assert offered.offered == {"project-rainfall/", "alice/lab2"}
    assert c.JupyterHub.services == [before]
    assert apihandlers.default_handlers.count(("/api/sharing/servers", offered.OfferedServers)) == 1
    share(Config())  # a configuration that is loaded again starts with none
    assert offered.offered == set()


def test_without_the_page_no_servers_are_offered() -> None:
    share(Config())
    sharing.offer_servers(Config(), ["project-rainfall/"])
    assert offered.offered == set()


@pytest.mark.parametrize("server", ["project-rainfall", "/lab2", "", "alice/lab2/", "alice//"])
def test_what_is_no_server_is_refused(server: str) -> None:
    c = share(Config())
    with pytest.raises(
        ValueError, match=r"is not a server. Write OWNER/ for the default server, or OWNER/NAME"
    ):
        sharing.offer_servers(c, ["project-rainfall/", server])
    assert offered.offered == set()


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """Return a page without problems."""
    return Page("sharing", f"http://127.0.0.1:{free_port()}", "nobody", str(tmp_path / "shares.jsonl"))


def problems(page: Page) -> list[str]:
    return page.problems("/")


def test_page_without_problems(page: Page) -> None:
    assert problems(page) == []


def test_log_in_no_directory_is_refused(page: Page) -> None:
    page.log = "/nowhere/shares.jsonl"
    assert problems(page) == [
        "jupyterhub_sharing_log is /nowhere/shares.jsonl, but the hub cannot write there. Set it to a file in a directory that "
        "the hub can write to"
    ]


def test_port_of_another_program_is_refused(page: Page) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        page.address = f"http://127.0.0.1:{other.getsockname()[1]}"
        (problem,) = problems(page)
    assert "which another program uses" in problem


class Answers(BaseHTTPRequestHandler):
    """The page itself and a hub, both on one port."""

    def do_GET(self) -> None:
        told = (
            {"page": SIGN, "port": int(self.headers["Host"].partition(":")[2])}
            if "/health" in self.path
            else {"version": "6"}
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())


@pytest.fixture
def here() -> Iterator[str]:
    """Yield the address of a page that is already running."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_page_that_runs_is_asked_without_a_proxy(
    page: Page, here: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running page is asked directly: the hub's unit may set a proxy for outside addresses, which may not know this host."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    page.address = here
    assert problems(page) == []


def test_page_that_could_not_ask_the_hub_is_refused(page: Page, here: str, tmp_path: Path) -> None:
    """A page that could not reach the hub is refused before the hub learns of it. If no hub is running, this cannot be checked."""
    page.api_url, page.socket = "http://127.0.0.1:9/hub/api", str(tmp_path / "hub.sock")
    assert problems(page) == []
    with socket.socket(socket.AF_UNIX) as hub:
        hub.bind(page.socket)
        hub.listen()
        (problem,) = problems(page)
        assert "would reach the hub at http://127.0.0.1:9/hub/api, but no hub answers there" in problem
        page.api_url = f"{here}/hub/api"
        assert problems(page) == []


@pytest.mark.skipif(ME != "root", reason="needs root to become another account")
@pytest.mark.parametrize(("account", "why"), [("no-such-account", "does not exist"), ("root", "is root")])
def test_account_that_will_not_do_is_refused(page: Page, account: str, why: str) -> None:
    page.account = account
    (problem,) = problems(page)
    assert why in problem
