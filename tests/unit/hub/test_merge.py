# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy merges into configurations as people write them: a real hub loads each of them, and so nothing is lost (requirement B1)."""

import asyncio
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import version_info
from jupyterhub.app import JupyterHub
from jupyterhub.auth import DummyAuthenticator
from traitlets import Any as Trait
from traitlets.config import Config

from jupyterhub_collab.hub import apply, dry_run, policy
from jupyterhub_collab.hub.accounts import ROLE
from jupyterhub_collab.hub.front import api_over_network
from jupyterhub_collab.hub.hooks import chain

SHARED = ["servers!server=shared/", "access:servers!server=shared/"]
POLICY = f"""
from jupyterhub_collab.hub import apply
apply(c, everyone={SHARED}, accounts=["shared"])
"""
DUMMY = 'c.JupyterHub.authenticator_class = "dummy"\n'

# The configuration above our block -> the scopes of role `user` without ours.
LOAD_ROLES = {
    "nothing about roles": ("", {"self"}),
    "user role assigned": (
        'c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "list:users"]}]',
        {"self", "list:users"},
    ),
    "user role appended": ('c.JupyterHub.load_roles.append({"name": "user", "scopes": ["self"]})', {"self"}),
    "user role without scopes": (
        'c.JupyterHub.load_roles = [{"name": "user", "description": "people"}]',
        {"self"},
    ),
    "user role without self": (
        'c.JupyterHub.load_roles = [{"name": "user", "scopes": ["read:hub"]}]',
        {"read:hub"},
    ),
    "user role as a tuple": (
        'c.JupyterHub.load_roles = [{"name": "user", "scopes": ("self", "read:hub")}]',
        {"self", "read:hub"},
    ),
    "other roles assigned": (
        'c.JupyterHub.load_roles = [{"name": "readers", "scopes": ["read:hub"], "users": ["ann"]}]',
        {"self"},
    ),
    "other roles appended": (
        'c.JupyterHub.load_roles.append({"name": "readers", "scopes": ["read:hub"]})',
        {"self"},
    ),
    "roles extended": (
        'c.JupyterHub.load_roles.extend([{"name": "readers", "scopes": ["read:hub"]}])',
        {"self"},
    ),
    "our scopes already there": (
        f'c.JupyterHub.load_roles = [{{"name": "user", "scopes": ["self", "{SHARED[0]}"]}}]',
        {"self"},
    ),
}
if version_info >= (6, 0):
    LOAD_ROLES |= {
        "extra scopes": ('c.JupyterHub.extra_user_scopes = {"read:hub"}', {"self", "read:hub"}),
        "extra scopes as a list": ('c.JupyterHub.extra_user_scopes = ["read:hub"]', {"self", "read:hub"}),
        "extra scopes added": ('c.JupyterHub.extra_user_scopes.add("read:hub")', {"self", "read:hub"}),
    }


def load(tmp_path: Path, text: str) -> dict[str, Any]:
    """Load a configuration with a real hub in memory, and return what it tells."""
    config = tmp_path / "hub.py"
    config.write_text(text)
    JupyterHub.clear_instance()
    try:
        return asyncio.run(dry_run.load([f"--config={config}"]))
    finally:
        dry_run.JupyterHub.clear_instance()
        JupyterHub.clear_instance()


@pytest.mark.parametrize(("above", "theirs"), LOAD_ROLES.values(), ids=LOAD_ROLES.keys())
def test_everyone_keeps_what_they_had_and_gets_ours(tmp_path: Path, above: str, theirs: set[str]) -> None:
    hub = load(tmp_path, DUMMY + above + "\n" + POLICY)
    assert set(hub["roles"]["user"]["scopes"]) == theirs | set(SHARED)
    assert hub["roles"][ROLE] == {"scopes": ["self"], "users": ["shared"], "groups": []}


@pytest.mark.parametrize(("above", "theirs"), LOAD_ROLES.values(), ids=LOAD_ROLES.keys())
def test_without_it_everyone_has_what_they_had(tmp_path: Path, above: str, theirs: set[str]) -> None:
    """Without our fragment, as in the dry run before a removal, all users have the scopes that they had."""
    hub = load(tmp_path, DUMMY + above)
    before = {scope for scope in SHARED if scope in above}
    assert set(hub["roles"]["user"]["scopes"]) == theirs | before


@pytest.mark.parametrize("deep", [1, 2])
@pytest.mark.parametrize(("above", "theirs"), LOAD_ROLES.values(), ids=LOAD_ROLES.keys())
def test_it_is_so_from_a_file_that_others_load(
    tmp_path: Path, above: str, theirs: set[str], deep: int
) -> None:
    """The policy also merges from a file that another one loads, at any depth, as in The Littlest JupyterHub.

    Settings before and after the inclusion count.
    """
    part = POLICY
    for depth in range(deep):
        file = tmp_path / f"part{depth}.py"
        file.write_text(part)
        part = f'c.Spawner.mem_limit = "1G"\nload_subconfig("{file}")\nc.Spawner.cpu_limit = 2\n'
    hub = load(tmp_path, DUMMY + above + "\n" + part)
    assert set(hub["roles"]["user"]["scopes"]) == theirs | set(SHARED)
    assert hub["roles"][ROLE] == {"scopes": ["self"], "users": ["shared"], "groups": []}


def test_what_is_set_anew_after_it_is_refused(tmp_path: Path) -> None:
    """A configuration that later replaces our roles or hooks is refused.

    Otherwise, the hub would start with less than configured, or grant access to others.
    """
    part = tmp_path / "part.py"
    part.write_text(POLICY)
    with pytest.raises(ValueError, match=r"that replace JupyterHub\.load_roles"):
        load(tmp_path, DUMMY + f'load_subconfig("{part}")\nc.JupyterHub.load_roles = []\n')
    hook = "c.Authenticator.post_auth_hook = lambda authenticator, handler, model: model"
    with pytest.raises(ValueError, match=r"that replace Authenticator\.post_auth_hook"):
        load(tmp_path, DUMMY + f'load_subconfig("{part}")\n{hook}\n')


def test_roles_of_others_are_as_they_were(tmp_path: Path) -> None:
    above = (
        DUMMY + 'c.JupyterHub.load_roles = [{"name": "readers", "scopes": ["read:hub"], "users": ["ann"]}]\n'
    )
    before = load(tmp_path, above)
    after = load(tmp_path, above + POLICY)
    assert after["roles"]["readers"] == before["roles"]["readers"]


def test_dry_run_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = DUMMY + 'c.JupyterHub.pid_file = "hub.pid"\nc.JupyterHub.db_url = "people.sqlite"\n'
    text += 'c.JupyterHub.db_kwargs = {"echo": False, "poolclass": object}\n'
    hub = load(tmp_path, text + POLICY)
    assert [path.name for path in tmp_path.iterdir()] == ["hub.py"]
    assert hub["database"] == {"url": f"sqlite:///{tmp_path}/people.sqlite", "options": {"echo": False}}


def test_dry_run_tells_misspelt_settings(tmp_path: Path) -> None:
    hub = load(tmp_path, DUMMY + "c.JupyterHub.bind_ulr = 'http://:80'\n")
    assert any("bind_ulr" in warning for warning in hub["warnings"])


@pytest.mark.parametrize("before", [{"ann"}, ["ann"], set()], ids=["set", "list", "empty"])
def test_allow_list_is_never_touched(before: Any) -> None:
    c = Config()
    c.Authenticator.allowed_users = copy(before)
    apply(c, everyone=SHARED, accounts=["shared"])
    assert c.Authenticator.allowed_users == before
    untouched = Config()
    apply(untouched, everyone=SHARED, accounts=["shared"])
    assert "allowed_users" not in untouched.Authenticator


AUTHENTICATOR = DummyAuthenticator()


async def their_coroutine(_authenticator: Any, _handler: Any, model: dict[str, Any]) -> dict[str, Any]:
    return model | {"seen": True}


def their_function(_authenticator: Any, _handler: Any, model: dict[str, Any]) -> dict[str, Any]:
    return model | {"seen": True}


@pytest.mark.parametrize("section", ["Authenticator", "PAMAuthenticator", "OurOwn"])
@pytest.mark.parametrize("theirs", [their_coroutine, their_function])
def test_both_hooks_run_wherever_theirs_is_set(section: str, theirs: Any) -> None:
    c = Config()
    c[section].post_auth_hook = theirs
    apply(c, accounts=["shared"])
    for name in {section, "Authenticator"}:
        hook = c[name].post_auth_hook
        assert asyncio.run(hook(AUTHENTICATOR, None, {"name": "Shared"})) is None
        found = asyncio.run(hook(AUTHENTICATOR, None, {"name": "ann"}))
        assert found == ({"name": "ann", "seen": True} if name == section else {"name": "ann"})


def test_hook_that_refuses_keeps_refusing() -> None:
    c = Config()
    c.Authenticator.post_auth_hook = lambda *_: None
    apply(c, accounts=["shared"])
    assert asyncio.run(c.Authenticator.post_auth_hook(AUTHENTICATOR, None, {"name": "ann"})) is None


def test_hook_of_a_class_runs_unless_the_configuration_has_one() -> None:
    class Gatekeeper(DummyAuthenticator):
        post_auth_hook = Trait(their_function, config=True)

    c = Config()
    apply(c, accounts=["shared"])
    hook = c.Authenticator.post_auth_hook
    assert asyncio.run(hook(Gatekeeper(), None, {"name": "ann"})) == {"name": "ann", "seen": True}
    configured = Config()
    configured.Authenticator.post_auth_hook = lambda _authenticator, _handler, model: model
    apply(configured, accounts=["shared"])
    hook = configured.Authenticator.post_auth_hook
    assert asyncio.run(hook(Gatekeeper(), None, {"name": "ann"})) == {"name": "ann"}


def test_chain_wraps_each_section_once() -> None:
    c = Config()
    c.Spawner.pre_spawn_hook = lambda _spawner: "a"
    c.SystemdSpawner.pre_spawn_hook = lambda _spawner: "b"
    chain(c, "Spawner", "pre_spawn_hook", lambda theirs: lambda spawner: f"ours({theirs(spawner)})")
    assert c.Spawner.pre_spawn_hook(None) == "ours(a)"
    assert c.SystemdSpawner.pre_spawn_hook(None) == "ours(b)"


IMPOSSIBLE = {
    "role with our name": ("c.JupyterHub.load_roles = [{'name': 'collab-accounts'}]", "load_roles"),
    "role with our name and rights": (
        "c.JupyterHub.load_roles.append({'name': 'collab-accounts', 'scopes': ['admin:users'], 'users': []})",
        "load_roles",
    ),
    "blocked": ("c.Authenticator.blocked_users = {'shared', 'ann'}", "Authenticator.blocked_users"),
    "blocked, added": ("c.PAMAuthenticator.blocked_users.add('shared')", "PAMAuthenticator.blocked_users"),
    "managed roles": ("c.OurOwn.manage_roles = True", "OurOwn.manage_roles"),
}


@pytest.mark.parametrize(("above", "setting"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_cannot_be_merged_names_the_setting(above: str, setting: str) -> None:
    c = Config()
    exec(above, {"c": c})
    with pytest.raises(ValueError, match=setting):
        apply(c, accounts=["shared"])
    apply(c, everyone=SHARED)


READS = """
c.JupyterHub.hub_connect_url or c.JupyterHub.bind_url or c.JupyterHub.port
c.Authenticator.manage_roles
"""


def test_what_a_configuration_only_reads_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration may read settings that it does not set. To read one leaves an object in its place, which is never false."""
    monkeypatch.setattr(policy, "applied", [])
    c = Config()
    exec(READS, {"c": c})
    exec("c.PAMAuthenticator.manage_roles", {"c": c})
    apply(c, accounts=["shared"])
    assert api_over_network(c) == ""
    exec("c.PAMAuthenticator.post_auth_hook", {"c": c})
    assert policy.lost(c, {ROLE: {"users": ["shared"]}}) == []


def test_changes_of_others_stay_changes() -> None:
    """A value that a configuration adds to stays an addition, which the hub applies to the default that only it knows."""
    c = Config()
    c.Authenticator.blocked_users.add("ann")
    apply(c, accounts=["shared"])
    assert c.Authenticator.blocked_users.get_value({"bob"}) == {"ann", "bob"}


def test_two_fragments_share_the_role_of_accounts() -> None:
    c = Config()
    apply(c, accounts=["shared"])
    apply(c, accounts=["physics", "shared"])
    (role,) = [role for role in c.JupyterHub.load_roles if role["name"] == ROLE]
    assert role["users"] == ["shared", "physics"]
