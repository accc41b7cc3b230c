# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers start with live collaboration, with which settings, and what the hub keeps of them. Uses the hub's own classes."""

import asyncio
import json
import logging
import os
import pwd
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm, roles
from jupyterhub.app import JupyterHub
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from jupyterhub.user import User, UserDict
from sqlalchemy.orm import Session
from systemdspawner import SystemdSpawner  # type: ignore[import-untyped]
from traitlets import Bool, Dict, List, Unicode
from traitlets.config import Config

from collaboration_settings import SETTINGS
from jupyterhub_collab.hub import apply, state_directory
from jupyterhub_collab.hub.collaboration import CHAT_CONFIG, CONFIG, collaborate, opened
from jupyterhub_collab.hub.policy import applied, lost
from jupyterhub_collab.patches.hub.resume import end_own_tokens, forget_visitors


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Clear what the test set for the hub's process."""
    applied.clear()
    yield
    applied.clear()


@pytest.fixture
def db() -> Iterator[Session]:
    """Yield a hub's database. Ann and ben are users, ann can share her server as a member of a group, and team is the shared account."""
    session: Session = orm.new_session_factory("sqlite:///:memory:")()
    for role in roles.get_default_roles():
        roles.create_role(session, role)
    roles.create_role(session, {"name": "sharers", "scopes": ["shares!user"]})
    teachers = orm.Group(name="teachers")
    session.add(teachers)
    for name in ("ann", "ben", "team"):
        user = orm.User(name=name)
        session.add(user)
        session.add(orm.Spawner(name="", user=user))
    session.commit()
    for name in ("ann", "ben", "team"):
        roles.grant_role(session, orm.User.find(session, name), "user")
    roles.grant_role(session, teachers, "sharers")
    teachers.users.append(orm.User.find(session, "ann"))
    session.add(orm.OAuthClient(identifier="jupyterhub"))
    session.commit()
    yield session
    session.close()


def spawner_of(db: Session, name: str, kind: type = SimpleLocalProcessSpawner, **settings: Any) -> Any:
    class Spawner(kind):
        pass

    user = User(orm.User.find(db, name), {"spawner_class": Spawner, "base_url": "/"}, db=db)
    spawner = user.spawners[""]
    for setting, value in settings.items():
        setattr(spawner, setting, value)
    return spawner


def start(c: Config, spawner: Any) -> dict[str, str]:
    """Return a server's environment after our hook."""
    asyncio.run(c.Spawner.pre_spawn_hook(spawner))
    return {name: value(spawner) if callable(value) else value for name, value in spawner.environment.items()}


def hub(**settings: Any) -> Config:
    c = Config()
    collaborate(c, **SETTINGS | settings)
    return c


def is_live(environment: dict[str, str]) -> bool:
    assert ("JUPYTERHUB_COLLAB" in environment) == (str(CONFIG) in environment.get("JUPYTER_CONFIG_PATH", ""))
    return "JUPYTERHUB_COLLAB" in environment


@pytest.mark.parametrize(
    ("settings", "live"),
    [
        ({}, {"ann", "team"}),
        ({"owners": False}, {"team"}),
        ({"everyone": True, "accounts": []}, {"ann", "ben", "team"}),
    ],
)
def test_servers_that_people_share_are_live(db: Session, settings: dict[str, Any], live: set[str]) -> None:
    c = hub(**settings)
    assert {name for name in ("ann", "ben", "team") if is_live(start(c, spawner_of(db, name)))} == live


@pytest.mark.parametrize(
    ("scope", "holder", "live"),
    [
        ("access:servers!user=ben", "teachers", True),
        ("access:servers!server=ben/", "ann", True),
        ("access:servers!server=ben/other", "ann", False),
        ("access:servers!server=ben/", "ben", False),
        ("access:servers!server=ben/", "", False),
        ("access:servers!group=students", "ann", False),
        ("access:servers", "ann", False),
    ],
)
def test_collaboration_that_is_there_already_stays_live(
    db: Session, scope: str, holder: str, live: bool
) -> None:
    """A server stays live if an administrator's role opens it to a user. A role for all servers makes none of them live."""
    students = orm.Group(name="students")
    students.users.append(orm.User.find(db, "ben"))
    db.add(students)
    roles.create_role(db, {"name": "of-theirs", "scopes": [scope, "list:users!user=ben"]})
    db.commit()
    if holder:
        entity = orm.Group.find(db, holder) or orm.User.find(db, holder)
        roles.grant_role(db, entity, "of-theirs")
    c = hub(owners=False)
    assert is_live(start(c, spawner_of(db, "ben"))) is live


def test_servers_that_roles_of_theirs_open_are_named() -> None:
    hub(accounts=["team"])
    scopes = [
        "access:servers!server=team/",
        "access:servers!user=vox",
        "access:servers!server=ben/lab",
        "self",
    ]
    assert opened({"mixed": {"scopes": scopes}, "all": {"scopes": ["access:servers"]}}) == ["ben/lab", "vox"]


def test_administrators_may_share_by_their_role(db: Session) -> None:
    roles.grant_role(db, orm.User.find(db, "ben"), "admin")
    assert is_live(start(hub(), spawner_of(db, "ben")))


def test_right_that_ended_counts_at_the_next_start(db: Session) -> None:
    """A server that its owner can no longer share is not live at its next start, even if the hub reuses the spawner of a failed start."""
    c, spawner = hub(), spawner_of(db, "ann", environment={"JUPYTER_CONFIG_PATH": "/theirs"})
    assert start(c, spawner)["JUPYTER_CONFIG_PATH"] == start(c, spawner)["JUPYTER_CONFIG_PATH"]
    db.query(orm.Group).one().users.clear()
    db.commit()
    assert start(c, spawner) == {"JUPYTER_CONFIG_PATH": "/theirs"}


@pytest.mark.parametrize("theirs", ["/theirs:/more", lambda _spawner: "/theirs:/more"])
def test_paths_of_theirs_come_after_ours(db: Session, theirs: Any) -> None:
    environment = start(hub(), spawner_of(db, "team", environment={"JUPYTER_CONFIG_PATH": theirs, "A": "b"}))
    assert environment["JUPYTER_CONFIG_PATH"] == f"{CONFIG}:/theirs:/more"
    assert environment["A"] == "b"


def test_environment_that_waits_for_the_start_is_text(db: Session) -> None:
    """Code of administrators that logs or copies a spawner's environment finds text there, also when a failed start left ours."""
    spawner = spawner_of(db, "team", environment={"A": "b"})
    started = start(hub(), spawner)
    assert json.loads(json.dumps(spawner.environment)).keys() == {
        "A",
        "JUPYTER_CONFIG_PATH",
        "JUPYTERHUB_COLLAB",
    }
    assert all(value.strip() for value in spawner.environment.values())
    copied = deepcopy(spawner.environment)
    assert {name: value(spawner) if callable(value) else value for name, value in copied.items()} == started


def test_path_that_the_hub_hands_on_stays(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/of/the/hub")
    assert start(hub(), spawner_of(db, "team"))["JUPYTER_CONFIG_PATH"] == str(CONFIG)
    handed = spawner_of(db, "team", env_keep=["JUPYTER_CONFIG_PATH"])
    assert start(hub(), handed)["JUPYTER_CONFIG_PATH"] == f"{CONFIG}:/of/the/hub"


def test_slurm_does_not_start_a_server_again(db: Session) -> None:
    """Requirement 141: the variable is for sbatch only, and what an administrator has set stays."""
    kind = type("SlurmSpawner", (SimpleLocalProcessSpawner,), {"__module__": "batchspawner.batchspawner"})
    spawner = spawner_of(db, "team", kind)
    for _start in range(2):  # the hub uses a spawner again
        told = start(hub(), spawner)
        assert told["SBATCH_NO_REQUEUE"] == "1"
        assert json.loads(told["JUPYTERHUB_COLLAB"])["own_variables"] == ["SBATCH_NO_REQUEUE"]
    theirs = start(hub(), spawner_of(db, "team", kind, environment={"SBATCH_NO_REQUEUE": ""}))
    assert theirs["SBATCH_NO_REQUEUE"] == ""
    assert "own_variables" not in json.loads(theirs["JUPYTERHUB_COLLAB"])
    assert "SBATCH_NO_REQUEUE" not in start(hub(), spawner_of(db, "team"))
    assert "SBATCH_NO_REQUEUE" not in start(hub(), spawner_of(db, "ben", kind))  # plain JupyterLab


def test_server_is_told_its_settings(db: Session) -> None:
    c = hub()
    apply(c, revocation_seconds=5)
    told = json.loads(start(c, spawner_of(db, "team"))["JUPYTERHUB_COLLAB"])
    assert told == {
        "state_directory": "",
        "history_megabytes": 100,
        "documents_per_person": 100,
        "websockets_per_person": 500,
        "idle_seconds": 0,
        "email_domain": "example.org",
        "managers": {"everyone": True},
        "revocation_seconds": 5,
        "shared": True,
        "levels": True,
        "requests": False,
        "chat": False,
        "output": True,
    }


def test_chats_are_on_only_if_they_are_wanted(db: Session) -> None:
    """Requirement V7: an environment that has jupyterlab-chat turned off has it on collaboration servers."""
    with_chats = start(hub(chat=True), spawner_of(db, "team"))
    assert with_chats["JUPYTER_CONFIG_PATH"] == f"{CONFIG}:{CHAT_CONFIG}"
    assert json.loads(with_chats["JUPYTERHUB_COLLAB"])["chat"] is True
    page = json.loads((CHAT_CONFIG / "labconfig/page_config.json").read_text())
    assert page == {"disabledExtensions": {"jupyterlab-chat-extension": False}}
    assert start(hub(), spawner_of(db, "team"))["JUPYTER_CONFIG_PATH"] == str(CONFIG)


def test_server_is_told_whether_others_can_open_it(db: Session) -> None:
    """`ann` can share her server, and has not done so. The shared account's server is open to all."""
    told = [json.loads(start(hub(), spawner_of(db, name))["JUPYTERHUB_COLLAB"]) for name in ("ann", "team")]
    assert [each["shared"] for each in told] == [False, True]


def test_limits_are_the_shared_accounts_alone(db: Session) -> None:
    c = hub(mem_limit="4G", cpu_limit=1.5)
    team, ann = spawner_of(db, "team"), spawner_of(db, "ann", mem_limit="1G", cpu_limit=1.0)
    start(c, team)
    start(c, ann)
    assert (team.mem_limit, team.cpu_limit) == (4 << 30, 1.5)
    assert (ann.mem_limit, ann.cpu_limit) == (1 << 30, 1.0)
    theirs = spawner_of(db, "team", mem_limit="2G", cpu_limit=2.0)
    start(hub(), theirs)
    assert (theirs.mem_limit, theirs.cpu_limit) == (2 << 30, 2.0)


def test_servers_end_when_the_culler_would_end_them(db: Session) -> None:
    """The culler counts wherever the configuration adds it. One whose timeout is unknown stops no collaboration server."""
    c = hub(idle_seconds=-1)
    for command, seconds in (
        (["python3", "-m", "something_else", "--timeout=3600"], 0),
        (["python3", "-m", "jupyterhub_idle_culler", "--config=/etc/culler.py"], 0),
        (["python3", "-m", "jupyterhub_idle_culler", "--timeout=3600"], 3600),
    ):
        c.JupyterHub.services = [
            {"name": "external", "url": "http://x"},
            {"name": "cull", "command": command},
        ]
        told = json.loads(start(c, spawner_of(db, "team"))["JUPYTERHUB_COLLAB"])
        assert told["idle_seconds"] == seconds


def test_hook_that_is_set_anew_is_missed() -> None:
    c = Config()
    apply(c, revocation_seconds=5)
    collaborate(c, **SETTINGS)
    assert lost(c, {}) == []
    c.Spawner.pre_spawn_hook = lambda spawner: None
    assert lost(c, {}) == ["Spawner.pre_spawn_hook"]


# What the servers' own tokens can do


@pytest.mark.parametrize(
    ("name", "theirs", "ours"),
    [
        ("team", [], {"users:activity!user"}),
        ("team", ["access:servers!server", "read:users!user"], {"read:users!user"}),
        ("team", lambda spawner: [f"access:servers!user={spawner.user.name}", "list:users"], {"list:users"}),
        ("team", ["access:servers"], {"users:activity!user"}),
        # With these scopes, the token could create another token, or a share, that opens the server.
        ("team", ["tokens!user", "shares!user", "servers!user"], {"servers!user"}),
        # No other user can open this server.
        ("ben", ["access:servers!server"], {"access:servers!server"}),
        ("ben", [], set()),
    ],
)
def test_own_token_opens_no_server_that_others_open(
    db: Session, name: str, theirs: Any, ours: set[str]
) -> None:
    c = Config()
    c.Spawner.server_token_scopes = theirs
    collaborate(c, **SETTINGS)
    found = c.Spawner.server_token_scopes(spawner_of(db, name))
    # A list, not a coroutine: if the hub had to wait here, the next request would roll back what it has not committed yet.
    assert isinstance(found, list)
    assert set(found) == ours


def test_own_token_heeds_what_someone_else_has_to_wait_for(db: Session) -> None:
    async def theirs(_spawner: Any) -> list[str]:
        return ["access:servers!server", "list:users"]

    c = Config()
    c.Spawner.server_token_scopes = theirs
    collaborate(c, **SETTINGS)
    assert asyncio.run(c.Spawner.server_token_scopes(spawner_of(db, "team"))) == ["list:users"]


@pytest.mark.parametrize("scope", ["inherit", "self"])
def test_own_token_with_all_rights_of_its_owner_opens_no_server_either(db: Session, scope: str) -> None:
    c = Config()
    c.SimpleLocalProcessSpawner.server_token_scopes = [scope]
    collaborate(c, **SETTINGS)
    found = c.SimpleLocalProcessSpawner.server_token_scopes(spawner_of(db, "team"))
    assert "servers!user=team" in found
    assert not {each.partition("!")[0] for each in found} & {"access:servers", "tokens", "shares", "inherit"}


def test_own_token_of_an_administrators_server_makes_nobody_one(db: Session) -> None:
    """The token cannot make a user an administrator, nor add users to a group that can open servers."""
    c = Config()
    c.Spawner.server_token_scopes = ["inherit"]
    collaborate(c, **SETTINGS)
    spawner = spawner_of(db, "team")
    roles.grant_role(db, spawner.user.orm_user, "admin")
    found = {each.partition("!")[0] for each in c.Spawner.server_token_scopes(spawner)}
    assert "list:users" in found
    assert not found & {"access:servers", "tokens", "shares", "admin:users", "groups", "admin:groups"}


# What the hub keeps


def visited(db: Session, name: str) -> Any:
    """Return a server with a token of its own, and with a visitor's token from the server's OAuth client."""
    spawner = spawner_of(db, name)
    client = orm.OAuthClient(identifier=spawner.oauth_client_id)
    db.add(client)
    spawner.orm_spawner.oauth_client = client
    db.commit()
    ben = orm.User.find(db, "ben")
    roles.create_role(
        db, {"name": f"guests-{name}", "scopes": [f"access:servers!server={name}/"], "users": ["ben"]}
    )
    roles.grant_role(db, ben, f"guests-{name}")
    ben.new_api_token(note="of a visitor", oauth_client=client)
    spawner.api_token = spawner.user.new_api_token(note=f"Server at /user/{name}/")
    return spawner


def left_by(db: Session, name: str) -> Any:
    """Return a visited server that no role opens to others any more, so that no role makes it a collaboration server."""
    spawner = visited(db, name)
    roles.strip_role(db, orm.User.find(db, "ben"), f"guests-{name}")
    return spawner


def notes(db: Session) -> set[str]:
    return {token.note for token in db.query(orm.APIToken)}


@pytest.mark.parametrize("hub_was_restarted", [False, True])
def test_stop_keeps_visitors_and_ends_the_servers_token(db: Session, hub_was_restarted: bool) -> None:
    """Requirement 78: a stop keeps visitors' tokens, and ends the server's own."""
    hub()
    spawner = visited(db, "team")
    spawner.user.new_api_token(note="someone's script")
    if hub_was_restarted:
        spawner.api_token = ""
    asyncio.run(spawner.user.stop())
    assert notes(db) == {"of a visitor", "someone's script"}


@pytest.mark.parametrize("ended", ["role", "token and role", "user"])
def test_stop_ends_all_tokens_where_one_visitor_lost_the_right(db: Session, ended: str) -> None:
    """A stop ends all visitors' tokens once one visitor lost access, even if that visitor's own token is already gone.

    Everyone with a terminal on the server can read the tokens of all others.
    """
    hub()
    spawner = visited(db, "team")
    ann = orm.User.find(db, "ann")
    roles.grant_role(db, ann, "guests-team")
    ann.new_api_token(note="of another", oauth_client=spawner.orm_spawner.oauth_client)
    ben = orm.User.find(db, "ben")
    if "token" in ended:
        db.delete(next(token for token in ben.api_tokens if token.note == "of a visitor"))
    if "role" in ended:
        roles.strip_role(db, ben, "guests-team")
    else:
        db.delete(ben)
    db.commit()
    asyncio.run(spawner.user.stop())
    assert notes(db) == set()
    assert db.query(orm.OAuthCode).count() == 0


def test_stop_of_another_server_ends_all(db: Session) -> None:
    hub(owners=False)
    spawner = left_by(db, "ann")
    asyncio.run(spawner.user.stop())
    assert notes(db) == set()
    assert db.query(orm.OAuthClient).filter_by(identifier=spawner.oauth_client_id).count() == 0


def test_hub_that_starts_keeps_visitors_of_chosen_servers_alone(db: Session) -> None:
    """A starting hub keeps the visitors' tokens of chosen servers only. It knows just the servers that were running when it ended."""
    hub(owners=False)
    kept, gone = visited(db, "team").oauth_client_id, left_by(db, "ann").oauth_client_id
    users = UserDict(lambda: db, {"spawner_class": SimpleLocalProcessSpawner, "base_url": "/"})
    started = SimpleNamespace(db=db, users=users, _service_map={}, log=logging.getLogger())
    JupyterHub.cleanup_oauth_clients(started)
    clients = {client.identifier for client in db.query(orm.OAuthClient)}
    assert kept in clients
    assert gone not in clients


def test_start_as_another_server_forgets_visitors(db: Session) -> None:
    spawner = left_by(db, "ann")
    start(hub(owners=False), spawner)
    assert notes(db) == {"Server at /user/ann/"}


def test_spawner_that_decides_whether_it_resumes_keeps_visitors_too(db: Session) -> None:
    """Visitors' tokens survive a stop even if the spawner computes `will_resume`, as DockerSpawner does from its removal of containers."""
    hub()
    spawner = visited(db, "team")
    decides = type(spawner).will_resume = property(lambda spawner: spawner.disable_user_config)
    asyncio.run(spawner.user.stop())
    assert notes(db) == {"of a visitor"}
    assert type(spawner).will_resume is decides
    spawner.disable_user_config = True
    forget_visitors(spawner)
    assert notes(db) == {"of a visitor"}
    spawner.disable_user_config = False
    forget_visitors(spawner)
    assert not notes(db)


def test_spawner_that_resumes_by_itself_is_let_do_so(db: Session) -> None:
    hub()
    spawner = visited(db, "team")
    spawner.will_resume = True
    asyncio.run(spawner.user.stop())
    forget_visitors(spawner)
    assert notes(db) == {"of a visitor", "Server at /user/team/"}
    end_own_tokens(spawner)
    assert notes(db) == {"of a visitor"}


# Where the state is kept


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Make the tests' account act as root, and return the changes of owners, which are only recorded."""
    given: list[tuple[str, int, int]] = []
    me = pwd.getpwuid(os.getuid())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        pwd, "getpwnam", lambda name: pwd.struct_passwd((name, "x", me.pw_uid, me.pw_gid, *me[4:]))
    )

    def fchown(directory: int, uid: int, gid: int) -> None:
        given.append((os.readlink(f"/proc/self/fd/{directory}"), uid, gid))

    monkeypatch.setattr(os, "fchown", fchown)
    return given


class Local(LocalProcessSpawner):
    pass


def local(db: Session, server: str = "") -> Any:
    user = User(orm.User.find(db, "ann"), {"spawner_class": Local, "base_url": "/"}, db=db)
    return user.spawners[server]


def test_state_is_private(db: Session, tmp_path: Path, as_root: list[tuple[str, int, int]]) -> None:
    root = tmp_path / "rtc"
    path = state_directory.state_directory_of(local(db), str(root))
    assert path == f"{root}/ann/default"
    modes = [Path(each).stat().st_mode & 0o777 for each in (root, root / "ann", path)]
    assert modes == [0o711, 0o711, 0o700]
    assert as_root == [(str(root), 0, 0), (f"{root}/ann", 0, 0), (path, os.getuid(), os.getgid())]
    assert state_directory.state_directory_of(local(db), str(root)) == path


@pytest.mark.usefixtures("as_root")
def test_state_can_be_reached_whatever_umask_the_hub_has(db: Session, tmp_path: Path) -> None:
    """A unit with `UMask=0077`, or a configuration that sets it, does not lock servers out of their directories."""
    root = tmp_path / "srv/of hubs/rtc"
    before = os.umask(0o077)
    try:
        assert state_directory.state_directory_of(local(db), str(root))
    finally:
        os.umask(before)
    for above in (tmp_path / "srv", tmp_path / "srv/of hubs", root, root / "ann"):
        assert above.stat().st_mode & 0o777 == 0o711


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change file owners")
def test_state_of_an_account_that_is_gone_is_not_of_the_next_with_its_number(
    db: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {"ann": 64111, "alias": 64111, "ben": 64112}

    def getpwnam(name: str) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, "x", numbers[name], numbers[name], "", "/", ""))

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    before = {"gone": 64111, "alias": 64111, "ben": 64112}
    for name, number in before.items():
        private = tmp_path / name / "default"
        private.mkdir(parents=True)
        os.chown(private, number, number)
    assert state_directory.state_directory_of(local(db), str(tmp_path)) == f"{tmp_path}/ann/default"
    owners = {name: (tmp_path / name / "default").stat().st_uid for name in before}
    assert owners == before | {"gone": 0}


def test_account_that_is_made_when_the_server_starts_has_its_state_there_at_once(
    db: Session, tmp_path: Path, as_root: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state directory is created once the account exists.

    The hook runs before that: the spawner creates the account, and then asks for the environment.
    """
    c, spawner = hub(everyone=True, state_directory=str(tmp_path / "rtc")), local(db)
    getpwnam = pwd.getpwnam

    def nobody(name: str) -> Any:
        raise KeyError(name)

    monkeypatch.setattr(pwd, "getpwnam", nobody)
    asyncio.run(c.Spawner.pre_spawn_hook(spawner))
    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    told = json.loads(spawner.environment["JUPYTERHUB_COLLAB"](spawner))
    assert told["state_directory"] == f"{tmp_path}/rtc/ann/default"


def test_server_that_is_shut_in_may_write_its_state(db: Session, tmp_path: Path, as_root: list[Any]) -> None:
    class ShutIn(Local):
        readonly_paths: Any = List(["/"], allow_none=True)
        readwrite_paths: Any = List(None, allow_none=True)
        unit_extra_properties: Any = Dict()

    user = User(orm.User.find(db, "ann"), {"spawner_class": ShutIn, "base_url": "/"}, db=db)
    c, spawner = hub(everyone=True, state_directory=str(tmp_path)), user.spawners[""]
    for _start in range(2):
        start(c, spawner)
        assert spawner.readwrite_paths == [f"-{tmp_path}/ann/default"]
    spawner.readonly_paths = spawner.readwrite_paths = None
    start(c, spawner)
    assert spawner.readwrite_paths is None
    for properties in ({"ProtectSystem": "strict"}, {"ProtectHome": "read-only"}):
        spawner.readwrite_paths, spawner.unit_extra_properties = None, properties
        start(c, spawner)
        assert spawner.readwrite_paths == [f"-{tmp_path}/ann/default"]


@pytest.mark.parametrize("theirs", ["/home /srv", ["/home", "/srv"], ""])
def test_paths_that_properties_of_the_unit_open_stay(
    db: Session, tmp_path: Path, as_root: list[Any], theirs: Any
) -> None:
    """SystemdSpawner passes `readwrite_paths` on as ReadWriteDirectories, and `unit_extra_properties` replaces that."""
    user = User(orm.User.find(db, "ann"), {"spawner_class": SystemdSpawner, "base_url": "/"}, db=db)
    c, spawner = hub(everyone=True, state_directory=str(tmp_path)), user.spawners[""]
    spawner.unit_extra_properties = {"ProtectSystem": "strict", "ReadWriteDirectories": theirs}
    for _start in range(2):
        start(c, spawner)
        words = theirs.split() if isinstance(theirs, str) else theirs
        assert spawner.unit_extra_properties["ReadWriteDirectories"].split() == [
            *words,
            f"-{tmp_path}/ann/default",
        ]
    assert spawner.unit_extra_properties["ProtectSystem"] == "strict"


@pytest.mark.parametrize(
    ("server", "name"),
    [("default", "server-default"), ("..", "server-.."), ("a b/c", "server-a%20b%2Fc")],
)
def test_named_servers_have_their_own(
    db: Session, tmp_path: Path, as_root: list[Any], server: str, name: str
) -> None:
    spawner = local(db)
    spawner.orm_spawner.name = server
    assert state_directory.state_directory_of(spawner, str(tmp_path)) == f"{tmp_path}/ann/{name}"


def test_links_are_not_followed(db: Session, tmp_path: Path, as_root: list[Any]) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann/default").symlink_to("/etc")
    assert state_directory.state_directory_of(local(db), str(tmp_path)) == ""


def test_there_is_none_where_servers_run_as_no_account(
    db: Session, tmp_path: Path, as_root: list[Any]
) -> None:
    assert state_directory.state_directory_of(spawner_of(db, "ann"), str(tmp_path)) == ""
    assert list(tmp_path.iterdir()) == []


def test_account_is_the_one_that_systemd_runs_servers_as(db: Session) -> None:
    class OfSystemd(Local):
        username_template = Unicode("jupyter-{USERNAME}")
        dynamic_users = Bool(False)

        def _expand_user_vars(self, text: str) -> str:
            return text.replace("{USERNAME}", self.user.name)

    user = User(orm.User.find(db, "ann"), {"spawner_class": OfSystemd, "base_url": "/"}, db=db)
    spawner = user.spawners[""]
    assert state_directory.account_of(spawner) == "jupyter-ann"
    spawner.dynamic_users = True
    with pytest.raises(KeyError):
        state_directory.account_of(spawner)


# What comes back


def test_shared_account_that_a_culler_deletes_comes_back(
    db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deleted shared account returns with its roles, without a restart of the hub. Other deleted users stay deleted."""
    c = Config()
    apply(c, accounts=["team"])
    users = UserDict(lambda: db, {"spawner_class": SimpleLocalProcessSpawner, "base_url": "/"})
    for role in c.JupyterHub.load_roles:
        roles.create_role(db, {name: role[name] for name in ("name", "description", "scopes")})
    app = SimpleNamespace(
        db=db,
        load_roles=c.JupyterHub.load_roles,
        authenticator=SimpleNamespace(normalize_username=str.lower),
        log=logging.getLogger(),
    )

    async def cull() -> None:
        for name in ("team", "ben"):
            users.delete(users[name])
        await asyncio.sleep(0)

    monkeypatch.setattr(JupyterHub, "instance", lambda: app)
    asyncio.run(cull())
    assert orm.User.find(db, "ben") is None
    team = orm.User.find(db, "team")
    assert {role.name for role in team.roles} == {"user", "collab-accounts"}
