# SPDX-License-Identifier: GPL-3.0-or-later
"""Access levels of links and shares: what real databases keep, and what guests and owners try on a real hub."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from jupyterhub import orm, scopes
from sqlalchemy.orm import Session
from tornado import web

import plain_http
from attacked_hub import OUT, Attacked
from jupyterhub_collab.hub.access_levels import level_on, without_viewing
from jupyterhub_collab.hub.share_levels import asked_level, level_of
from jupyterhub_collab.patches.hub.share_levels import keep_share_levels, set_level
from jupyterhub_collab.server.viewing import VIEW_ONLY
from jupyterhub_collab.sharing.handlers import NOT_OFFERED
from jupyterhub_collab.sharing.settings import Settings
from local_hub import LocalHub, wait_until
from page_forms import PAGE, cells, press

ACCESS = "access:servers!server=ann/"
TEXT = {"type": "file", "format": "text", "content": "hello"}
# What JupyterHub without our package makes of the shares in a database.
PLAIN = """
import sys
from jupyterhub import orm, scopes
db = orm.new_session_factory(f"sqlite:///{sys.argv[1]}")()
for name in ("ben", "eve"):
    user = orm.User.find(db, name)
    held = scopes.parse_scopes(scopes.get_scopes_for(user)).get("access:servers")
    print(name, held and sorted(held.get("server", ())))
for code in db.query(orm.ShareCode):
    code.exchange(orm.User.find(db, "zoe"))
    held = scopes.parse_scopes(scopes.get_scopes_for(orm.User.find(db, "zoe")))
    print("zoe", held.get("access:servers"))
"""


# In the database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Session]:
    """Yield a database with users and ann's server. eve is in the group physics."""
    session: Session = orm.new_session_factory(f"sqlite:///{tmp_path}/hub.sqlite")()
    session.add_all([orm.User(name=name) for name in ("ann", "ben", "eve", "zoe")])
    session.add(orm.Group(name="physics", users=[orm.User.find(session, "eve")]))
    session.commit()
    session.add(orm.Spawner(name="", user=orm.User.find(session, "ann")))
    session.commit()
    yield session
    session.close()


def server(db: Session) -> orm.Spawner:
    spawner: orm.Spawner = db.query(orm.Spawner).one()
    return spawner


def link(db: Session, level: str) -> orm.ShareCode:
    keep_share_levels(level, "edit")
    code, _secret = orm.ShareCode.new(db, server(db), scopes=[ACCESS])
    assert level_of(code) == level
    return code


def ben(db: Session) -> orm.User:
    return orm.User.find(db, "ben")


def test_viewers_share_opens_the_server_here_and_nothing_on_other_hubs(db: Session, tmp_path: Path) -> None:
    """Neither a hub without this package nor an older version of it lets users edit who may only view."""
    link(db, "view")
    orm.Share.grant(db, server(db), ben(db))
    keep_share_levels("edit", "edit")
    orm.Share.grant(db, server(db), orm.User.find(db, "eve"))
    for name, level in (("ben", "view"), ("eve", "edit")):
        user = orm.User.find(db, name)
        assert ACCESS in scopes.get_scopes_for(user)
        assert level_on(server(db), user) == level
    opens = [f"{ACCESS}!server=ann/"]
    assert without_viewing(opens, ben(db)) == []
    assert without_viewing(opens, orm.User.find(db, "eve")) == opens
    plain = subprocess.run(
        [sys.executable, "-c", PLAIN, f"{tmp_path}/hub.sqlite"], capture_output=True, text=True, check=True
    )
    assert plain.stdout.splitlines() == ["ben None", "eve ['ann/']", "zoe None"]


@pytest.mark.parametrize(
    ("first", "then", "level"),
    [("view", "edit", "edit"), ("edit", "view", "edit"), ("view", "view", "view")],
)
def test_highest_level_of_accepted_links_counts(db: Session, first: str, then: str, level: str) -> None:
    """It stays when the links end, whose guests have access until it is revoked."""
    links = [link(db, each) for each in (first, then)]
    for code in links:
        share = code.exchange(ben(db))
    assert level_of(share) == level_on(server(db), ben(db)) == level
    for code in links:
        db.delete(code)
    db.commit()
    db.expire_all()
    assert level_of(db.query(orm.Share).one()) == level


def test_share_with_a_person_and_with_a_group_end_each_for_itself(db: Session) -> None:
    eve, physics = orm.User.find(db, "eve"), orm.Group.find(db, "physics")
    keep_share_levels("view", "edit")
    orm.Share.grant(db, server(db), eve)
    keep_share_levels("edit", "edit")
    orm.Share.grant(db, server(db), physics)
    assert level_on(server(db), eve) == "edit"
    orm.Share.revoke(db, server(db), physics)
    assert level_on(server(db), eve) == "view"
    orm.Share.revoke(db, server(db), eve)
    assert level_on(server(db), eve) == ""


def test_shares_from_before_keep_their_level_and_heed_the_highest(db: Session) -> None:
    """A share that was made before this version lets its holder edit, unless the administrator allows less."""
    db.add(
        orm.Share(
            owner=server(db).user, spawner=server(db), user=ben(db), _scopes=["servers!server=ann/", ACCESS]
        )
    )
    db.commit()
    share = db.query(orm.Share).one()
    keep_share_levels("view", "edit")
    assert (level_of(share), share.scopes) == ("edit", [ACCESS, "servers!server=ann/"][::-1])
    keep_share_levels("view", "view")
    assert (level_of(share), share.scopes) == ("view", [ACCESS])
    assert level_on(server(db), ben(db)) == "view"
    keep_share_levels("view", "edit")
    orm.Share.revoke(db, server(db), ben(db), ["servers!server=ann/"])
    assert (level_of(share), share.scopes) == ("edit", [ACCESS])
    code = link(db, "edit")
    keep_share_levels("view", "view")
    assert level_of(code) == "view"
    code.exchange(orm.User.find(db, "eve"))
    keep_share_levels("view", "edit")
    assert level_on(server(db), orm.User.find(db, "eve")) == "view"


def test_level_that_an_owner_lowers_stays_low(db: Session) -> None:
    """Also if the share could only view at that moment, because of the administrator's limit."""
    share = orm.Share.grant(db, server(db), ben(db))
    keep_share_levels("view", "view")
    assert level_of(share) == "view"
    set_level(db, share, "view")
    keep_share_levels("view", "edit")
    assert level_of(share) == "view"


def test_hub_without_live_collaboration_has_no_viewers(db: Session) -> None:
    """Its servers would let them edit."""
    keep_share_levels("edit", "edit", can_view=False)
    assert asked_level("edit") == "edit"
    with pytest.raises(web.HTTPError, match="because they have no live collaboration"):
        asked_level("view")
    settings = dict.fromkeys(Settings.__dataclass_fields__) | {"highest_level": "edit"}
    assert Settings(**{**settings, "can_view": False}).levels == ["edit"]  # type: ignore[arg-type]
    assert Settings(**{**settings, "can_view": True}).levels == ["view", "edit"]  # type: ignore[arg-type]


def test_levels_follow_a_server_that_is_renamed(db: Session) -> None:
    keep_share_levels("view", "edit")
    orm.Share.grant(db, server(db), ben(db))
    orm.User.find(db, "ann").name = "anna"
    db.commit()
    share = db.query(orm.Share).one()
    assert share.scopes == ["access:servers!server=anna/"]
    assert (level_of(share), without_viewing(share.scopes, ben(db))) == ("view", [])


@pytest.mark.parametrize("scope", ["read:users:name!server=ann/", "read:servers!server=ann/", "own:level"])
def test_scopes_make_nobody_a_viewer(db: Session, scope: str) -> None:
    """Only a level does. A share whose level is unknown opens nothing."""
    keep_share_levels("edit", "edit")
    with pytest.raises(web.HTTPError, match="Only access:servers can be shared"):
        orm.Share.grant(db, server(db), ben(db), [scope])
    db.rollback()
    db.query(orm.Share).delete()
    orm.Share.grant(db, server(db), ben(db))
    db.query(orm.Share).one()._scopes = ["read:servers!server=ann/"]
    db.commit()
    assert level_on(server(db), ben(db)) == ""


def test_revoking_access_ends_a_viewers_share(db: Session) -> None:
    """The API can revoke single scopes. What a viewer's share has in the database is none of them."""
    keep_share_levels("view", "edit")
    orm.Share.grant(db, server(db), ben(db))
    assert orm.Share.revoke(db, server(db), ben(db), ["read:users:name!server=ann/"]) is not None
    assert orm.Share.revoke(db, server(db), ben(db), [ACCESS]) is None
    assert db.query(orm.Share).count() == 0


def test_level_of_a_share_changes_in_place(db: Session) -> None:
    keep_share_levels("view", "edit")
    share = orm.Share.grant(db, server(db), ben(db))
    for level in ("edit", "view"):
        set_level(db, share, level)
        db.expire_all()
        assert level_on(server(db), ben(db)) == level
    keep_share_levels("edit", "edit")
    orm.Share.grant(db, server(db), ben(db))
    assert level_on(server(db), ben(db)) == "edit"


# On a hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Yield a hub on which shares are at level view unless their creator says otherwise."""
    hub = Attacked(tmp_path_factory.mktemp("levels"), level="view")
    with hub.running():
        for name in ("mallory", "walter"):
            hub.ask("POST", f"users/{name}")
        yield hub


@pytest.fixture(autouse=True)
def unshared(request: pytest.FixtureRequest) -> Iterator[None]:
    """End all shares and links after a test on the hub."""
    yield
    if "hub" in request.fixturenames:
        for kind in ("shares", "share-codes"):
            request.getfixturevalue("hub").ask("DELETE", f"{kind}/alice/")


def accept(hub: LocalHub, name: str, code: str) -> str:
    """Accept a link in a user's browser, and return what the page said before."""
    with hub.browser(name) as browser:
        page = browser.get("/hub/accept-share", params={"code": code})
        assert page.status_code == 200, page.text
        xsrf = next(each.value for each in browser.cookies.jar if each.name == "_xsrf")
        form = {"code": code, "_xsrf": xsrf}
        answer = browser.post(f"/hub/accept-share?code={code}", data=form, follow_redirects=False)
        assert answer.status_code == 302, answer.text
        return page.text


def code_for(hub: LocalHub, **body: str) -> str:
    answer = hub.at_hub("alice", "POST", "share-codes/alice/", body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["code"])


def levels(hub: LocalHub, kind: str = "shares") -> list[str]:
    return [each["level"] for each in hub.ask("GET", f"{kind}/alice/")["items"]]


def level_at_server(hub: LocalHub, name: str) -> str:
    """Return a visitor's level as alice's server enforces it: edit, view or empty; `changes` if it changed between two requests."""
    answer = hub.at_server(name, "PUT", "api/contents/tried.txt", TEXT)
    if answer.status_code in (200, 201):
        return "edit"
    assert answer.status_code == 403, answer.text
    is_out = hub.at_server(name, "GET", "api/contents").status_code == 403
    if is_out == (VIEW_ONLY in answer.text):
        return "changes"
    return "" if is_out else "view"


def test_guest_of_a_link_has_its_level(hub: Attacked) -> None:
    """Requirement V1: links have a level, and the administrator's default without one. The accept page says which."""
    assert "You can see" in accept(hub, "mallory", code_for(hub, level="view"))
    assert level_at_server(hub, "mallory") == "view"
    assert "read and change the files" in accept(hub, "walter", code_for(hub, level="edit"))
    assert level_at_server(hub, "walter") == "edit"
    hub.ask("DELETE", "shares/alice/")
    wait_until(lambda: level_at_server(hub, "mallory") == level_at_server(hub, "walter") == "", OUT)
    accept(hub, "mallory", code_for(hub))
    wait_until(lambda: level_at_server(hub, "mallory") == "view", OUT)
    assert levels(hub, "share-codes") == ["view", "edit", "view"]


def test_share_through_the_api_has_the_administrators_default(hub: Attacked) -> None:
    """Also if a program such as JupyterLab's own dialog names the scope that it wants."""
    scope = "access:servers!server=alice/"
    for wish in ({}, {"scopes": [scope]}, {"scopes": [scope, "read:users:name!server=alice/"]}):
        share = hub.at_hub("alice", "POST", "shares/alice/", {"user": "mallory", **wish})
        assert (share.json()["level"], share.json()["scopes"]) == ("view", [scope])
    assert level_at_server(hub, "mallory") == "view"


def test_guest_does_not_raise_the_own_level(hub: Attacked) -> None:
    """By requests, by accepting again, with a link of the guest's own, and with any token."""
    code = code_for(hub, level="view")
    accept(hub, "mallory", code)
    raised = {"user": "mallory", "level": "edit"}
    tokens = {hub.token_of("mallory"), hub.sign_in_of("mallory")}
    tokens.add(hub.ask("POST", "users/mallory/tokens", {"scopes": ["access:servers!server=alice/"]})["token"])
    for token in tokens:
        for method, path, body in (
            ("POST", "shares/alice/", raised),
            ("PATCH", "shares/alice/", raised),
            ("POST", "share-codes/alice/", {"level": "edit"}),
            ("POST", "shares/alice/", {"user": "mallory"}),
            ("POST", "sharing/servers", raised),
            ("PATCH", "users/mallory/shared/alice/", raised),
            ("POST", "users/mallory/shared/alice/", raised),
            ("PUT", "users/mallory/shared/alice/", raised),
        ):
            assert hub.at_hub_with(token, method, path, body).status_code in (403, 404, 405), (method, path)
    accept(hub, "mallory", code)
    with hub.browser("mallory") as browser:
        browser.get("/hub/accept-share", params={"code": code, "level": "edit"})
        form = {"code": code, "level": "edit", "_xsrf": next(iter(browser.cookies.jar)).value or ""}
        browser.post("/hub/accept-share", params={"level": "edit"}, data=form)
    assert levels(hub) == ["view"]
    assert level_at_server(hub, "mallory") == "view"


def test_server_that_enforces_no_levels_admits_no_guest_who_can_only_view(hub: Attacked) -> None:
    """Such as one that was started before the hub had levels."""
    hub.share("mallory")
    own = {"Authorization": f"token {hub.token_of('mallory')}"}
    asked = {"X-JupyterHub-Collab-Server": "jupyterhub-user-alice"}
    enforces = {**asked, "X-JupyterHub-Collab-Levels": "yes"}

    def told(headers: dict[str, str]) -> tuple[bool, str | None]:
        model = plain_http.get(f"{hub.hub_url}/hub/api/user", headers={**own, **headers}).json()
        return "access:servers!server=alice/" in model["scopes"], model.get("collab_level")

    assert [told(each) for each in ({}, asked, enforces)] == [(False, None), (False, None), (True, "view")]
    hub.ask("PATCH", "shares/alice/", {"user": "mallory", "level": "edit"})
    assert [told(each) for each in ({}, asked, enforces)] == [(True, None), (True, None), (True, "edit")]
    hub.revoke("mallory")
    assert told(enforces) == (False, "")


def test_token_with_fewer_scopes_shares_nothing(hub: Attacked) -> None:
    """A program of alice's that may only open her server, or only list her shares, makes no links and changes no levels."""
    hub.share("mallory")
    for held in (["access:servers!server=alice/"], ["read:shares!user=alice"]):
        token = hub.ask("POST", "users/alice/tokens", {"scopes": held})["token"]
        for method, path, body in (
            ("POST", "share-codes/alice/", {"level": "view"}),
            ("POST", "shares/alice/", {"user": "mallory", "level": "edit"}),
            ("PATCH", "shares/alice/", {"user": "mallory", "level": "edit"}),
        ):
            assert hub.at_hub_with(token, method, path, body).status_code in (403, 404), (held, path)
    assert levels(hub) == ["view"]


@pytest.mark.parametrize("level", ["manage", "own", "VIEW", "", None, 7, ["edit"], {"edit": 1}, True])
def test_unknown_levels_are_refused(hub: Attacked, level: Any) -> None:
    hub.share("mallory")
    for method, path, body in (
        ("POST", "share-codes/alice/", {}),
        ("POST", "shares/alice/", {"user": "walter"}),
        ("POST", "shares/alice/", {"user": "mallory"}),
        ("PATCH", "shares/alice/", {"user": "mallory"}),
    ):
        answer = hub.at_hub("alice", method, path, {**body, "level": level})
        assert (answer.status_code, answer.json()["message"]) == (400, "The level must be one of: view, edit")
    assert levels(hub) == ["view"]
    assert levels(hub, "share-codes") == []


def test_owner_changes_the_level_of_a_share(hub: Attacked) -> None:
    """The audit log has it. Nobody gets access by that who has none."""
    hub.share("mallory")
    assert level_at_server(hub, "mallory") == "view"
    wish = {"user": "mallory", "level": "edit"}
    assert hub.at_hub("alice", "PATCH", "shares/alice/", wish).json()["level"] == "edit"
    wait_until(lambda: level_at_server(hub, "mallory") == "edit", OUT)
    # Without a level, what they have stays.
    hub.share("mallory")
    assert levels(hub) == ["edit"]
    assert hub.at_hub("alice", "POST", "shares/alice/", {**wish, "level": "view"}).json()["level"] == "view"
    wait_until(lambda: level_at_server(hub, "mallory") == "view", OUT)
    log = [json.loads(line) for line in (hub.directory / "shares.jsonl").read_text().splitlines()]
    changed = [each for each in log if each["event"] == "level changed"][-2:]
    assert [(each["user"], each["by"], each["was"], each["level"]) for each in changed] == [
        *(("mallory", "alice", "view", "edit"), ("mallory", "alice", "edit", "view"))
    ]
    assert [each for each in log if each["event"] == "access given"][-1]["level"] == "view"
    for whom in ({"user": "walter"}, {"user": "nobody"}, {"group": "team"}, {"group": "none"}):
        answer = hub.at_hub("alice", "PATCH", "shares/alice/", {**whom, "level": "edit"})
        assert answer.status_code == 404, answer.text
    for odd in (
        {"user": "mallory", "group": "team"},
        {},
        {"user": "mallory", "more": 1},
        {"user": "mallory", "scopes": []},
    ):
        assert hub.at_hub("alice", "PATCH", "shares/alice/", {**odd, "level": "edit"}).status_code == 400
    assert hub.at_hub("alice", "PATCH", "shares/alice", wish).status_code == 405
    assert levels(hub) == ["view"]


def test_sharing_page_gives_levels(hub: Attacked) -> None:
    """The page offers both levels for each link and each share by name, shows them, and changes them in place."""
    with hub.browser("alice", page=hub.page) as alice:
        for chosen in ({"level": "edit"}, {"level": "view"}, {}):
            assert "accept-share?code=" in press(alice, "make-link", **chosen).text
        press(alice, "give", kind="user", name="mallory", level="edit")
        page = press(alice, "give", kind="group", name="team", level="view")
        assert [row[4] for row in cells(page, "Valid links")] == ["can edit", "can view", "can view"]
        guests = [("mallory", "can edit"), ("team (group)", "can view")]
        assert [(row[0], row[2]) for row in cells(page, "Users with access to this server")] == guests
        forms = BeautifulSoup(page.text, "html.parser").select("form:has([value=set-level])")
        shown = [{each["name"]: each["value"] for each in form.select("input")} for form in forms]
        assert [(each["name"], each["level"]) for each in shown] == [("mallory", "view"), ("team", "edit")]
        page = press(alice, "set-level", kind="user", name="mallory", level="view")
        assert "Access level changed" in page.text
        assert cells(page, "Users with access to this server")[0][2] == "can view"
        wait_until(lambda: level_at_server(hub, "mallory") == "view", OUT)
        with hub.browser("mallory", page=hub.page) as mallory:
            assert cells(mallory.get(PAGE), "Servers shared with you")[0][2] == "view it while it runs"
            # A guest's own form is about the guest's own server.
            told = press(mallory, "set-level", kind="user", name="mallory", level="edit")
            assert told.status_code in (403, 404)
            press(mallory, "set-level", kind="user", name="mallory", level="edit", owner="alice")
        for level in ("manage", "own", "<b>"):
            for action in ("make-link", "give", "set-level"):
                answer = press(alice, action, kind="user", name="mallory", level=level)
                assert (answer.status_code, NOT_OFFERED in answer.text) == (400, True)
        assert press(alice, "set-level", kind="user", name="mallory").status_code == 400
        answer = press(alice, "set-level", kind="user", name="walter", level="edit")
        assert (answer.status_code, "no longer exists" in answer.text) == (404, True)
    assert levels(hub) == ["view", "view"]


def test_sign_in_that_an_editor_has_read_ends_when_they_may_only_view(hub: Attacked) -> None:
    """Who could edit has had a terminal, and can have read the owner's sign-in there. It would let a viewer edit."""
    hub.restart_server()  # ends what guests of earlier tests have left
    hub.ask("POST", "shares/alice/", {"user": "mallory", "level": "edit"})
    assert level_at_server(hub, "mallory") == "edit"
    stolen = hub.sign_in_of("alice")
    hub.restart_server()
    assert hub.opens(stolen)
    hub.ask("PATCH", "shares/alice/", {"user": "mallory", "level": "view"})
    wait_until(lambda: level_at_server(hub, "mallory") == "view", OUT)
    hub.restart_server()
    assert not hub.opens(stolen)
    assert level_at_server(hub, "mallory") == "view"


def test_viewer_ends_nobodys_sign_in(hub: Attacked) -> None:
    hub.restart_server()  # ends what guests of earlier tests have left
    hub.share("mallory")
    assert level_at_server(hub, "mallory") == "view"
    sign_in = hub.sign_in_of("alice")
    hub.restart_server()
    assert hub.opens(sign_in)


@contextmanager
def again(hub: Attacked, level: str, highest: str) -> Iterator[None]:
    """Kill the hub, and start it with other levels during the block."""
    path = hub.directory / "jupyterhub_config.py"
    before = path.read_text()
    now = 'level="view", highest_level="edit"'
    assert now in before

    def restart(text: str) -> None:
        hub.kill()
        path.write_text(text)
        hub.start()

    restart(before.replace(now, f'level="{level}", highest_level="{highest}"'))
    try:
        yield
    finally:
        restart(before)


def test_highest_level_limits_what_exists_and_what_is_made(hub: Attacked) -> None:
    """Levels stay in the hub's database when it restarts, and the administrator's limit applies to shares and links that exist."""
    old = code_for(hub, level="edit")
    accept(hub, "mallory", old)
    assert level_at_server(hub, "mallory") == "edit"
    with again(hub, "view", "view"):
        wait_until(lambda: level_at_server(hub, "mallory") == "view", OUT)
        accept(hub, "walter", old)
        assert level_at_server(hub, "walter") == "view"
        for method, path, body in (
            ("POST", "share-codes/alice/", {}),
            ("POST", "shares/alice/", {"user": "mallory"}),
            ("PATCH", "shares/alice/", {"user": "mallory"}),
        ):
            answer = hub.at_hub("alice", method, path, {**body, "level": "edit"})
            assert answer.status_code == 403
            assert "Servers can be shared at level view at most" in answer.text
        assert levels(hub) == ["view", "view"]
        assert levels(hub, "share-codes") == ["view"]
        with hub.browser("alice", page=hub.page) as alice:
            wait_until(lambda: hub.page_runs, OUT)
            assert "can edit" not in alice.get(PAGE).text
            for action in ("make-link", "give", "set-level"):
                answer = press(alice, action, kind="user", name="mallory", level="edit")
                assert (answer.status_code, NOT_OFFERED in answer.text) == (400, True)
    # Who had more before has it again, and who came in the meantime does not.
    wait_until(lambda: level_at_server(hub, "mallory") == "edit", OUT)
    assert level_at_server(hub, "walter") == "view"
