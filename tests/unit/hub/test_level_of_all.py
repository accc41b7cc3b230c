# SPDX-License-Identifier: GPL-3.0-or-later
"""The access level of all users (requirement B7), from the variable to a running server: a real hub, and alice's real server on it.

In all users mode, vera and erin are users like any other, and erin is in the group teachers. In shared user mode, alice is the shared account.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection

import plain_http
from jupyterhub_collab.server.viewing import VIEW_ONLY
from jupyterhub_collab.server.visitors import ENDED, LOWERED
from leveled_hub import Leveled
from local_hub import PATIENCE, wait_until
from people.errors import Refused
from people.sockets import dial
from visits import EVENTS, open_document

pytestmark = pytest.mark.anyio
TEXT = {"type": "file", "format": "text", "content": "hello"}
SETTLED = 1.5  # seconds after which a change would have arrived
ALL_VIEW: dict[str, Any] = {
    "jupyterhub_rtc_share_all_users": True,
    "jupyterhub_rtc_level": "view",
    "jupyterhub_server_access": [
        {"owner": "alice", "groups": ["teachers"]},
        {"owner": "*", "groups": ["helpers"]},
    ],
}
ALL_EDIT = {**ALL_VIEW, "jupyterhub_rtc_level": ""}
SHARED: dict[str, Any] = {"jupyterhub_rtc_user": "alice"}
SHARED_VIEW = {
    **SHARED,
    "jupyterhub_rtc_level": "view",
    "jupyterhub_server_access": [{"owner": "alice", "groups": ["teachers"], "level": "manage"}],
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leveled]:
    """In all users mode at level view."""
    hub = Leveled(tmp_path_factory.mktemp("all"), **ALL_VIEW)
    with hub.running():
        hub.at_server("alice", "PUT", "api/contents/plan.txt", TEXT).raise_for_status()
        yield hub


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leveled]:
    """In shared user mode at level view, in which erin's group manages the shared server."""
    hub = Leveled(tmp_path_factory.mktemp("shared"), **SHARED_VIEW)
    with hub.running():
        yield hub


def refuses_changes(hub: Leveled, who: str) -> None:
    """Check that a user sees the server and changes nothing, with requests as with raw websockets."""
    assert hub.at_server(who, "GET", "api/contents").status_code == 200
    for method, path, body in (
        ("PUT", "api/contents/new.txt", TEXT),
        ("POST", "api/contents", {"type": "notebook"}),
        ("DELETE", "api/contents/plan.txt", None),
        ("POST", "api/kernels", {}),
        ("POST", "api/sessions", {"path": "x", "type": "notebook", "kernel": {"name": "python3"}}),
        ("POST", "api/terminals", {}),
        ("POST", "api/shutdown", None),
        ("PUT", "lab/api/settings/@jupyterlab/apputils-extension:themes", {"raw": "{}"}),
    ):
        answer = hub.at_server(who, method, path, body)
        assert answer.status_code == 403 and VIEW_ONLY in answer.text, (method, path, answer.text)


async def opens_no_websocket(hub: Leveled, who: str) -> None:
    for path in ("terminals/websocket/1", f"api/kernels/{uuid4()}/channels", "lsp/ws/pylsp", "nowhere"):
        with pytest.raises(Refused):
            await dial(hub.door(who, path))


async def told(events: ClientConnection, name: str, level: str) -> None:
    """Wait until the pages on the server are told that a user has a level."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for person in json.loads(await events.recv()).get("changed", []):
                if (person["username"], person["level"]) == (name, level):
                    return


# All users mode


async def test_all_users_view_every_server_and_change_nothing(hub: Leveled) -> None:
    vera, alice = await open_document(hub, "vera"), await open_document(hub, "alice")
    alice.insert(0, "<alice>")
    await vera.wait_until(lambda room: "<alice>" in room.text, PATIENCE)
    vera.insert(0, "<vera>")
    await asyncio.sleep(SETTLED)
    assert "<vera>" not in alice.text
    refuses_changes(hub, "vera")
    await opens_no_websocket(hub, "vera")
    for room in (vera, alice):
        await room.leave()


def test_some_edit_where_all_others_view(hub: Leveled) -> None:
    """By the group in `jupyterhub_server_access`, a role of the administrator's own, and a share. The highest level counts."""
    levels = {"alice": "manage", "carol": "manage", "dave": "edit", "erin": "edit", "bob": "view"}
    assert {who: hub.level(who) for who in levels} == levels
    hub.ask("POST", "groups/teachers/users", {"users": ["bob"]})
    wait_until(lambda: hub.level("bob") == "edit")
    hub.ask("DELETE", "groups/teachers/users", {"users": ["bob"]})
    wait_until(lambda: hub.level("bob") == "view")
    hub.ask("POST", "shares/alice/", {"user": "bob"})
    wait_until(lambda: hub.level("bob") == "edit")
    hub.ask("PATCH", "shares/alice/", {"user": "bob"})
    wait_until(lambda: hub.level("bob") == "view")


def test_some_edit_on_all_servers(hub: Leveled) -> None:
    """The group in the entry for all owners edits on every server, and neither starts nor stops one."""
    hub.ask("POST", "groups/helpers/users", {"users": ["vera"]})
    wait_until(lambda: hub.level("vera") == "edit")
    assert hub.at_server("vera", "POST", "api/shutdown").status_code == 403
    for method in ("POST", "DELETE"):
        assert hub.at_hub("vera", method, "users/alice/server").status_code in (403, 404)
    assert "access:servers" in hub.at_hub("vera", "GET", "user").json()["scopes"]
    hub.ask("DELETE", "groups/helpers/users", {"users": ["vera"]})
    wait_until(lambda: hub.level("vera") == "view")
    refuses_changes(hub, "vera")


def test_a_link_at_a_higher_level_lets_a_viewer_edit(hub: Leveled) -> None:
    code = hub.ask("POST", "share-codes/alice/", {})["code"]
    with hub.browser("walter") as walter:
        wait_until(lambda: hub.level("walter") == "view")
        form = {
            "code": code,
            "_xsrf": next(each.value or "" for each in walter.cookies.jar if each.name == "_xsrf"),
        }
        walter.post("/hub/accept-share", data=form, follow_redirects=False)
    wait_until(lambda: hub.level("walter") == "edit")
    hub.ask("DELETE", "shares/alice/")
    wait_until(lambda: hub.level("walter") == "view")


def test_users_who_come_later_are_viewers(hub: Leveled) -> None:
    name = f"new-{uuid4().hex[:8]}"
    hub.ask("POST", f"users/{name}")
    assert hub.level(name) == "view"
    hub.ask("PATCH", f"users/{name}", {"name": f"{name}-2"})
    assert hub.level(f"{name}-2") == "view"
    refuses_changes(hub, f"{name}-2")


def test_groups_with_similar_names_give_nothing_more(hub: Leveled) -> None:
    """Only the groups that `jupyterhub_server_access` names do."""
    hub.ask("POST", "groups/helper", {"users": ["bob"]})
    hub.ask("POST", "groups/teacher", {"users": ["vera"]})
    assert (hub.level("bob"), hub.level("vera")) == ("view", "view")
    for name in ("helper", "teacher"):
        hub.ask("DELETE", f"groups/{name}")


def test_server_that_enforces_no_levels_admits_no_viewers(hub: Leveled) -> None:
    """The hub hides their access, also from the scopes of a token that opens all servers, but not what users have anyway."""

    def scopes(who: str, **headers: str) -> set[str]:
        answer = plain_http.get(
            f"{hub.hub_url}/hub/api/user", headers={"Authorization": f"token {hub.token_of(who)}", **headers}
        )
        return {each for each in answer.json()["scopes"] if each.startswith("access:servers")}

    asked = {"X-JupyterHub-Collab-Server": "jupyterhub-user-alice"}
    unknown = {"X-JupyterHub-Collab-Server": "jupyterhub-user-nobody", "X-JupyterHub-Collab-Levels": "yes"}
    for headers in ({}, asked, unknown):
        assert scopes("vera", **headers) == {"access:servers!user=vera"}
        assert scopes("erin", **headers) == {"access:servers!user=erin", "access:servers!server=alice/"}
        assert scopes("carol", **headers) == {"access:servers"}
    assert scopes("vera", **asked, **{"X-JupyterHub-Collab-Levels": "yes"}) == {"access:servers"}


def test_viewers_neither_start_nor_stop_nor_share_nor_list_anything(hub: Leveled) -> None:
    for method, path, body in (
        ("DELETE", "users/alice/server", None),
        ("POST", "users/alice/server", None),
        ("POST", "users/alice/servers/more", None),
        ("POST", "shares/alice/", {"user": "vera"}),
        ("POST", "share-codes/alice/", {}),
        ("GET", "users", None),
        ("GET", "users/alice", None),
        ("POST", "users/alice/tokens", {}),
        ("PATCH", "users/vera", {"admin": True}),
        ("POST", "groups/teachers/users", {"users": ["vera"]}),
    ):
        assert hub.at_hub("vera", method, path, body).status_code in (403, 404), (method, path)
    assert hub.runs


async def test_changed_variable_reaches_those_who_are_there(hub: Leveled) -> None:
    """The play restarts the hub. Viewers can type then, keep what they typed, and editors' terminals close when they may only view again."""
    events = await dial(hub.door("alice", EVENTS))
    hub.at_server("alice", "PUT", "api/contents/now.txt", TEXT).raise_for_status()
    vera, alice = await open_document(hub, "vera", "now.txt"), await open_document(hub, "alice", "now.txt")
    vera.insert(0, "<early>")
    hub.restart(**ALL_EDIT)
    begun = time.monotonic()
    await told(events, "vera", "edit")
    await alice.wait_until(lambda room: room.text == "<early>hello", PATIENCE)
    raised = time.monotonic() - begun
    terminal = hub.at_server("vera", "POST", "api/terminals").json()["name"]
    shell = await dial(hub.door("vera", f"terminals/websocket/{terminal}"))
    hub.restart(**ALL_VIEW)
    begun = time.monotonic()
    await shell.wait_closed()
    lowered = time.monotonic() - begun
    assert (shell.close_code, shell.close_reason) == (ENDED, LOWERED)
    await told(events, "vera", "view")
    vera.insert(0, "<late>")
    await asyncio.sleep(SETTLED)
    assert alice.text == "<early>hello"
    refuses_changes(hub, "vera")
    print(f"raised {raised:.1f} s, lowered {lowered:.1f} s after the hub has started")
    await events.close()
    for room in (vera, alice):
        await room.leave()


# Shared user mode


async def test_all_users_view_the_shared_server(shared: Leveled) -> None:
    assert {who: shared.level(who) for who in ("bob", "vera", "erin", "dave")} == {
        **{"bob": "view", "vera": "view"},
        **{"erin": "manage", "dave": "edit"},
    }
    refuses_changes(shared, "vera")
    await opens_no_websocket(shared, "vera")


def test_viewers_do_not_start_or_stop_the_shared_server(shared: Leveled) -> None:
    """By the hub's API and pages, and from inside. Managers can."""
    assert shared.at_hub("vera", "DELETE", "users/alice/server").status_code in (403, 404)
    with shared.browser("vera") as vera:
        assert vera.get("/hub/spawn/alice").status_code in (403, 404)
    assert shared.runs
    assert shared.at_hub("erin", "DELETE", "users/alice/server").status_code in (202, 204)
    wait_until(lambda: not shared.runs)
    with shared.browser("vera") as vera:
        assert vera.get("/hub/spawn/alice").status_code in (403, 404)
        assert "not running" in vera.get("/hub/user/alice/").text
    assert shared.at_hub("vera", "POST", "users/alice/server").status_code in (403, 404)
    time.sleep(SETTLED)
    assert not shared.runs
    assert shared.at_hub("erin", "POST", "users/alice/server").status_code in (201, 202)
    wait_until(lambda: shared.runs)


def test_own_server_of_a_viewer_stays_their_own(shared: Leveled) -> None:
    answer = shared.at_hub("vera", "GET", "user").json()
    assert {"servers!user=vera", "access:servers!user=vera"} <= {*answer["scopes"]}
    assert not {each for each in answer["scopes"] if "alice" in each}


def test_lower_level_holds_for_a_shared_server_that_all_users_managed_when_it_started(
    shared: Leveled,
) -> None:
    """The server has learned at its start that everyone can stop it."""
    shared.restart(**SHARED)
    shared.ask("DELETE", "users/alice/server")
    wait_until(lambda: not shared.runs)
    assert shared.at_hub("vera", "POST", "users/alice/server").status_code in (201, 202)
    wait_until(lambda: shared.runs)
    assert shared.level("vera") == "manage"
    shared.restart(**SHARED, jupyterhub_rtc_level="edit")
    wait_until(lambda: shared.level("vera") == "edit")
    assert shared.at_server("vera", "POST", "api/shutdown").status_code == 403
    shared.restart(**SHARED_VIEW)
    wait_until(lambda: shared.level("vera") == "view")
    refuses_changes(shared, "vera")
    assert shared.runs
