# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody keeps who was on a server and may not be there any more: a real hub with our fragments, and a server of alice's.

bob plays the attacker. He was alice's guest, and has read there whatever a terminal shows.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local_hub import LocalHub, free_port, wait_until

CONFIG = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
# Of the administrator's own.
c.Spawner.server_token_scopes = ["users:activity!user", "access:servers!server", "read:users:name!user"]

from jupyterhub_collab.hub.collaboration import collaborate
from jupyterhub_collab.hub.sharing import share_servers

share_servers(
    c, groups=[], by_name=True, link_seconds=3600, longest_link=86400, ends_with_server={ends_with_server}, authorize_page=False,
    revocation=1, log="{directory}/shares.jsonl", port={page}, account="nobody",
)
collaborate(
    c, everyone=False, accounts=[], owners=True, state_directory="", history_megabytes=10, mem_limit="", cpu_limit=0,
    idle_seconds=0, email_domain="",
)
"""
NOW = {"last_activity": "2026-11-26T10:00:00Z"}
# An extension of a server, which lets a worker reach the whole address.
WIDE = """
from jupyter_server.base.handlers import JupyterHandler


class Worker(JupyterHandler):
    def get(self, how):
        self.set_header("Content-Type", "text/javascript")
        if how == "raw":
            self.add_header("service-worker-allowed", "/")
        self.set_header("Service-Worker-Allowed", "/")
        self.finish("")


def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*", [(app.base_url + r"wide/(worker|raw).js", Worker)])
"""
SERVER = "/user/alice/"
CLIENT = "jupyterhub-user-alice"


class Attacked(LocalHub):
    """A hub on which alice shares her server."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.page = free_port()
        directory.mkdir(exist_ok=True)
        told = {"ends_with_server": False, "directory": directory, "page": self.page} | settings
        (directory / "wide.py").write_text(WIDE)
        options = ("--ServerApp.jpserver_extensions={'wide': True}",)
        super().__init__(directory, *options, config=CONFIG.format(**told))

    def share(self, guest: str) -> None:
        self.ask("POST", "shares/alice/", {"user": guest})

    def revoke(self, guest: str) -> None:
        self.ask("PATCH", "shares/alice/", {"user": guest})

    def sign_in_of(self, name: str) -> str:
        """Return somebody's token of alice's server, which its memory holds once their browser has been there."""
        with self.browser(name) as browser:
            wish = {
                "client_id": CLIENT,
                "redirect_uri": f"{SERVER}oauth_callback",
                "response_type": "code",
                "state": "x",
            }
            answer = browser.get("/hub/api/oauth2/authorize", params=wish, follow_redirects=False)
            code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        form = {
            "client_id": CLIENT,
            "client_secret": self.own_token,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": f"{SERVER}oauth_callback",
        }
        made = httpx.post(f"{self.hub_url}/hub/api/oauth2/token", data=form)
        return str(made.raise_for_status().json()["access_token"])

    def opens(self, token: str) -> bool:
        return self.at_server_with(token, "GET", "api/contents").status_code == 200

    def stop_server(self) -> None:
        self.ask("DELETE", "users/alice/server")
        wait_until(lambda: not self.runs)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with Attacked(tmp_path_factory.mktemp("hub")).running() as hub:
        yield hub


def test_own_token_of_a_server_opens_nothing(hub: Attacked) -> None:
    own = hub.own_token
    assert not hub.opens(own)
    with httpx.Client(base_url=hub.hub_url, headers={"Authorization": f"token {own}"}) as program:
        assert program.post("/hub/api/users/alice/activity", json=NOW).status_code == 200
        scopes = program.get("/hub/api/user").json()["scopes"]
    assert not [scope for scope in scopes if scope.startswith("access:servers")]
    assert "users:activity!user=alice" in scopes
    assert hub.opens(hub.token_of("alice"))


def test_server_that_ran_before_loses_that_right_with_the_next_start_of_the_hub(tmp_path: Path) -> None:
    """The server of a hub as it was before the collection came goes on, and its token opens it no more."""
    hub = Attacked(tmp_path)
    path = tmp_path / "jupyterhub_config.py"
    with_ours = path.read_text()
    path.write_text(with_ours.partition("# Of the administrator's own.")[0])
    with hub.running():
        own = hub.own_token
        assert hub.opens(own)
        hub.kill()
        path.write_text(with_ours)
        hub.start()
        wait_until(lambda: not hub.opens(own))
        assert hub.opens(hub.token_of("alice"))


@pytest.mark.parametrize("stays", [True, False])
def test_sign_in_that_a_guest_has_read_ends_with_the_server(hub: Attacked, stays: bool) -> None:
    """A guest who has taken alice's, and was revoked, is no longer in once her server was stopped and started. As long as everybody
    who was there may come again, their open pages go on.
    """
    hub.share("bob")
    stolen, own = hub.sign_in_of("alice"), hub.sign_in_of("bob")
    assert hub.opens(stolen)
    assert hub.opens(own)
    if not stays:
        hub.forget("bob")  # he leaves no token of his own behind that would tell that he was there
        hub.revoke("bob")
    hub.stop_server()
    hub.start_server()
    assert hub.opens(stolen) is stays
    assert hub.opens(own) is stays
    hub.revoke("bob")


def test_who_is_revoked_while_the_server_is_stopped_finds_nothing(hub: Attacked) -> None:
    hub.share("bob")
    stolen = hub.sign_in_of("alice")
    hub.stop_server()
    hub.revoke("bob")
    hub.start_server()
    assert not hub.opens(stolen)


def test_guest_who_came_with_a_token_alone_is_remembered(hub: Attacked) -> None:
    """A program of the guest's needs no sign-in at the server."""
    stolen = hub.sign_in_of("alice")
    hub.share("bob")
    assert hub.opens(hub.token_of("bob"))
    hub.revoke("bob")
    hub.stop_server()
    hub.start_server()
    assert not hub.opens(stolen)


def test_owner_who_was_alone_comes_back(hub: Attacked) -> None:
    mine = hub.sign_in_of("alice")
    for _time in range(2):
        hub.stop_server()
        hub.start_server()
        assert hub.opens(mine)


# One origin


@pytest.mark.parametrize("dest", ["empty", "iframe", "image", "script", "object", "embed", "serviceworker"])
def test_scripts_get_nothing_of_the_sharing_page(hub: Attacked, dest: str) -> None:
    """A page of alice's server, open in bob's browser, which sends his cookies along."""
    with hub.browser("bob", page=hub.page) as browser:
        page = browser.get("/services/sharing/")
        assert page.status_code == 200
        assert "_xsrf" in page.text
        script = {"Sec-Fetch-Dest": dest, "Sec-Fetch-Mode": "no-cors"}
        for path in ("", "elsewhere", "oauth_callback"):
            answer = browser.get(f"/services/sharing/{path}", headers=script)
            assert answer.status_code == 403
            assert "_xsrf" not in answer.text
            assert "This page is for people and not for scripts" in answer.text + answer.reason_phrase
        token = page.text.partition('name="_xsrf" value="')[2].partition('"')[0]
        wish = {"_xsrf": token, "action": "end-links"}
        assert browser.post("/services/sharing/", data=wish, headers=script).status_code == 403
        assert browser.post("/services/sharing/", data=wish).status_code == 200


def test_servers_give_workers_no_further_reach(hub: Attacked) -> None:
    """Whatever an extension, or a program behind one, says: the header leaves the server in no answer."""
    address = {"Authorization": f"token {hub.token_of('alice')}"}
    for path in ("wide/worker.js", "wide/raw.js"):
        answer = httpx.get(f"{hub.url}/{path}", headers=address)
        assert answer.status_code == 200
        assert "service-worker-allowed" not in answer.headers
