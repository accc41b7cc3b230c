# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations as administrators write them, and checks that separate their settings from ours.

The files are in molecule/configurations. Each hub is recorded before and after the fragments are applied.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenario import PASSWORDS, ROOT

SCENARIO = ROOT / "molecule/configurations"
BESIDE = SCENARIO / "beside"
CONFIGURATIONS = sorted(path.stem for path in SCENARIO.glob("configurations/*.py"))

# Paths on the host that the files are written for.
DIRECTORY = "/usr/local/etc/jupyter"
LOG = "/run/hooks.log"

# Everyone who tries to log in to each hub. The host accepts the shared account's password.
PEOPLE = PASSWORDS | {"shared": "shared-password"}
OURS = {"servers!server=shared/", "access:servers!server=shared/"}
SHARING = {"shares!user", "read:users:name", "read:groups:name", "access:services!service=sharing"}
SERVICE = "sharing"
SHARER = "alice"  # every configuration allows her to log in
ROLE = "collab-accounts"
OUR_HOOKS = {
    "post_auth_hook": "jupyterhub_collab.hub.accounts._refuse.<locals>.post_auth_hook",
    "pre_spawn_hook": "jupyterhub_collab.hub.shares._end_then.<locals>.hook",
    "post_stop_hook": "jupyterhub_collab.hub.shares._end_then.<locals>.hook",
}
OUR_CODE = {
    *OUR_HOOKS.values(),
    "jupyterhub_collab.hub.servers._add_option.<locals>.pre_spawn_hook",
    "jupyterhub_collab.hub.collaboration._then.<locals>.pre_spawn_hook",
}
# The sections in which our hooks must run first.
HOOKS = (
    ("Authenticator", "post_auth_hook"),
    ("Spawner", "pre_spawn_hook"),
    ("Spawner", "post_stop_hook"),
)
OUR_VARIABLES = {"shares_end_with_server", "visiting", "collab_visitor", "level_of_link"}  # of templates
OUR_ARGUMENT = "--HubOAuth.cache_max_age=5"

# Variants that cannot be stored as files in the repository.
BYTES: dict[str, Callable[[bytes], bytes]] = {
    "windows_line_ends": lambda text: text.replace(b"\n", b"\r\n"),
    "no_newline_at_the_end": lambda text: text.removesuffix(b"\n"),
    "byte_order_mark": lambda text: b"\xef\xbb\xbf" + text,
}
# What a configuration's hooks log when alice starts and stops her server.
STARTS = {
    "hooks": ["start alice", "stop alice"],
    "hooks_of_subclasses": ["start alice", "stop alice"],
    "classes_with_hooks": ["start alice of physics"],
    "classes_with_sections": ["start"],
    "settings_of_servers": [],
    "hooks_of_every_kind": ["start alice", "stop alice"],
    "tuples_and_generators": [],
    "callables": [],
    "names_that_change_at_work": ["limits alice 2147483648"],
    "asynchronous_code": ["start alice", "stop alice"],
    "command_as_a_line": [],
    "configurations_by_hand": [],
    "files_in_a_directory": [],
    "groups_with_properties": ["memory alice 4294967296"],
    "inherited_sections": ["room alice 2.17", "start alice"],
}
# The arguments and environment with which a configuration makes alice's server start.
STARTED_WITH = {
    "settings_of_servers": {
        *("--ServerApp.terminado_settings={}", "--debug", "--ServerApp.max_body_size=1000000"),
        *("TEAM=physics", "ROOM=2.17", "GREETING=hello alice"),
    },
    "hooks": {"TEAM=physics"},
    "tuples_and_generators": {"--debug"},
    "callables": {"WHO=alice"},
    "asynchronous_code": {"PREPARED=yes"},
    "command_as_a_line": {
        "/usr/local/jupyterhub/bin/jupyterhub-singleuser",
        "--ServerApp.quit_button=False",
        '--IdentityProvider.cookie_options={"samesite": "Lax"}',
    },
    "configurations_by_hand": {"--debug", "TEAM=physics"},
    "files_in_a_directory": {"--debug", "--ServerApp.quit_button=False", "PARTS=parts.d"},
    "inherited_sections": {
        *("--debug", "--ServerApp.max_body_size=1000000", "--ServerApp.quit_button=False"),
        *("ROOM=2.17", "TEAM=physics"),
    },
}
# Configurations that cannot be merged: the expected error.
REFUSED = {
    "our_role_taken": "load_roles already has a role collab-accounts, a name that this collection uses. Rename it",
    "managed_roles": "RolesOfTheHost.manage_roles is on, so the hub ignores the members of roles in its configuration",
    "our_service_taken": "JupyterHub.services already has a service sharing, which is the name of the sharing page",
    "shared_account_blocked": "Authenticator.blocked_users names shared, so the hub would stop their servers at each start",
    "names_by_pattern": "authenticator rejects the name shared (see its username_map, username_pattern and",
    "names_with_a_domain": "authenticator changes the name shared to shared@example.org (see its username_map, username_pattern and",
    "hook_as_a_method": "Config option `post_auth_hook` not recognized by `Gatekeeper`",
}
MERGED = [name for name in CONFIGURATIONS if name not in REFUSED]
# A setting that JupyterHub 5 does not have.
NEWER = "extra_user_scopes"


@dataclass
class Record:
    """What was recorded of a running hub."""

    settings: dict[str, Any]
    held: dict[str, list[Any]]
    scopes: dict[str, set[str]]  # of all users who can log in
    log: list[str]  # what hooks logged
    process: str = ""  # arguments and environment of alice's server, one per line
    page: str = ""  # the sharing page, as alice sees it
    # Who is logged in if a login page gets the username from elsewhere and does not call the authenticator.
    named: tuple[str, ...] = ()


def content_of(name: str) -> bytes:
    """Return the content of a configuration file, as an administrator's editor would save it."""
    file = (SCENARIO / "configurations" / f"{name}.py").read_bytes()
    return BYTES[name](file) if name in BYTES else file


def assert_merged(name: str, before: Record, after: Record) -> None:
    """Check that the administrator's configuration is unchanged, and that ours has taken effect."""
    # Theirs: settings, roles and their members, who can log in, what their hooks do.
    assert without_ours(after.settings) == without_ours(before.settings)
    assert held_without_ours(after.held) == held_without_ours(before.held)
    assert after.scopes.keys() == before.scopes.keys() - {"shared"}
    assert after.log == before.log + STARTS.get(name, [])

    # Ours: everyone's scopes, the shared account, which exists but which nobody can log in as, and the hooks.
    people = [scopes for scopes in after.scopes.values() if "admin:servers" not in scopes]
    assert people
    assert all(scopes >= OURS for scopes in people)
    assert not any(scopes & OURS for scopes in before.scopes.values())
    assert [ROLE, "shared"] in after.held["users of roles"]
    assert all(scopes >= SHARING - {"shares!user"} for scopes in people)
    assert after.scopes[SHARER] & {f"shares!user={SHARER}", "shares"}
    assert SERVICE in {row[0] for row in after.held["services"]}
    for section, hook in HOOKS:
        assert after.settings[section][hook]["code"][0] == OUR_HOOKS[hook]

    # Both: arguments and environment of servers.
    if name in STARTS:
        assert {*after.process.splitlines()} >= {OUR_ARGUMENT, *STARTED_WITH.get(name, ())}


def without_ours(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without what the fragment sets, and with defaults in the form in which the hub has them."""
    settings = json.loads(json.dumps(settings))
    hub = settings.setdefault("JupyterHub", {})
    roles = {role["name"]: role for role in hub.pop("load_roles", []) if role["name"] != ROLE}
    user = roles.setdefault("user", {"name": "user"})
    user["scopes"] = [scope for scope in user.get("scopes", ["self"]) if scope not in OURS | SHARING]
    extra = set(hub.pop("extra_user_scopes", {}).get("a set", []))
    hub |= {"load_roles": roles, "extra_user_scopes": sorted(extra - OURS - SHARING)}
    hub["services"] = [service for service in hub.get("services", []) if service["name"] != SERVICE]
    paths = hub.pop("template_paths", [])
    hub["template_paths"] = [path for path in paths if not path.endswith("/jupyterhub_collab/hub/templates")]
    if "oauth_no_confirm_list" in hub.get("tornado_settings", {}):
        clients = hub["tornado_settings"]["oauth_no_confirm_list"]["a set"]
        clients[:] = [client for client in clients if client != f"service-{SERVICE}"]
    variables = hub.pop("template_vars", {})
    hub["template_vars"] = {name: variables[name] for name in variables if name not in OUR_VARIABLES}
    for section in list(settings.values()):
        if not section.get("server_token_scopes", True):
            del section["server_token_scopes"]
        for hook in OUR_HOOKS:
            if section.get(hook, True) is None:
                del section[hook]  # as if it were not set
            while hook in section and section[hook]["code"][0] in OUR_CODE:
                section[hook]["code"].pop(0)
                if not section[hook]["code"]:
                    del section[hook]
    return {name: section for name, section in settings.items() if section}


def held_without_ours(held: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the hub's data without the shared account, its role, our service, and the scopes that we give everyone."""
    held = {about: [row for row in rows if row[0] != ROLE] for about, rows in held.items()}
    held["users"] = [row for row in held["users"] if row[0] != "shared"]
    held["services"] = [row for row in held["services"] if row[0] != SERVICE]
    held["users of roles"] = [row for row in held["users of roles"] if row != ["user", "shared"]]
    held["roles"] = [
        [name, words, sorted(set(json.loads(scopes)) - (OURS | SHARING if name == "user" else set()))]
        for name, words, scopes in held["roles"]
    ]
    return held


def program() -> bytes:
    """Return the program that records a hub on its host."""
    return (Path(__file__).parent / "recorder.py").read_bytes()
