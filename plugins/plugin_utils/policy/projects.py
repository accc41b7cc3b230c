# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute what projects get, with pure functions of the variables of role jupyterhub_rtc and of the state of the host."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .rtc import ACCOUNT_NAME, MEMORY, is_live, unknown_names, way_to_write

# The scopes of each access level for `{server}`, from least to most. The scopes of `view` open the server, like those of `edit`: the
# hub tells the server who is a viewer (see `jupyterhub_collab.hub.access_levels`).
LEVELS = {
    "view": ["access:servers!server={server}"],
    "edit": ["access:servers!server={server}"],
    "manage": ["access:servers!server={server}", "servers!server={server}"],
}
WORKSPACE_LEVELS = ("write", "read")
WORDS = {"write": "write in", "read": "read"}
# The owner in an entry of jupyterhub_server_access that is about the servers of all users.
ALL_OWNERS = "*"
ACTIONS = {"view": "can view", "edit": "can open", "manage": "can start, stop and open"}
# The names of projects and workspaces, which become part of account names, directory names and URLs.
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_SLUG = 40
DEFAULT_WORKSPACE = "files"
# Classes of spawners that start servers in containers. The hub's dry run also knows classes that are based on them.
CONTAINERS = {"DockerSpawner", "SwarmSpawner", "SystemUserSpawner", "KubeSpawner"}
PROJECT_KEYS = {"name", "state", "account", *LEVELS, "workspaces", "mem_limit", "cpu_limit"}
WORKSPACE_KEYS = {"name", "write", "read"}
ACCESS_KEYS = {"owner", "server", "users", "groups", "level"}
# Invalid names of users and groups, including those with characters that would end a line or separate a path.
NO_NAME = re.compile(r"^\s|\s$|[/\x00-\x1f\x7f]|^$")
DIRECTORY = re.compile(r"(/[A-Za-z0-9._-]+){2,}")
# Where hubs record who has which workspace, as in module_utils/workspaces/gates.py.
RECORDS = "/var/lib/jupyterhub-projects"
# The comment that marks accounts of projects on the host.
ACCOUNT_COMMENT = "project of JupyterHub users (collab.jupyterhub)"
# What module project_info returns for a host without projects.
NOTHING: dict[str, Any] = {
    "remembered": {},
    "missing": [],
    "foreign": {},
    "taken": {},
    "silent": [],
    "shut": [],
    "root": {"problem": ""},
    "other_hubs": "",
}
# Limits for the length of error messages and of tables in the report.
MOST_PROBLEMS = 20
MOST_ROWS = 100


def problems(settings: dict[str, Any]) -> list[str]:
    """Return the problems of the variables alone, as sentences that say how to fix each one."""
    found = list(_problems(settings))
    if len(found) > MOST_PROBLEMS:
        found[MOST_PROBLEMS:] = [f"There are {len(found) - MOST_PROBLEMS} more problems like these"]
    return found


def _problems(settings: dict[str, Any]) -> Iterator[str]:
    projects, access = settings["projects"], settings["server_access"]
    for name, value in (("jupyterhub_projects", projects), ("jupyterhub_server_access", access)):
        if not isinstance(value, list):
            yield f"{name} must be a list. Start each entry with a hyphen"
            return
    if not isinstance(settings["confirm_delete"], list):
        yield f"jupyterhub_projects_confirm_delete must be a list. Write [{settings['confirm_delete']}]"
        return
    if (archive := settings["archive"]) and not archive.startswith("/"):
        yield f"jupyterhub_projects_archive is {archive!r}. Set it to the absolute path of a directory on the hub's host"
    prefix = settings["account_prefix"]
    if prefix and not ACCOUNT_NAME.fullmatch(prefix):
        yield (
            f"jupyterhub_projects_account_prefix is {prefix!r}. Use lower-case letters, digits, _ and -, starting with a letter, so that "
            "account names can begin with it"
        )
    for name in ("root", "mount"):
        directory = settings[name]
        if not DIRECTORY.fullmatch(directory) or "/../" in f"{directory}/":
            yield (
                f"jupyterhub_projects_{name} is {directory!r}. Set it to the absolute path of a directory that nothing else uses, at least "
                "two levels deep, that contains only letters, digits, ., _ and -"
            )
    good = []
    for number, project in enumerate(projects, 1):
        place = f"jupyterhub_projects, entry {number}"
        if found := list(_project_problems(place, project)):
            yield from found
        else:
            good.append(project)
    yield from _together(settings, good)
    for number, each in enumerate(access, 1):
        yield from _access_problems(f"jupyterhub_server_access, entry {number}", each, settings)
    wanted = {"jupyterhub_projects": present({"projects": good}), "jupyterhub_server_access": access}
    if not is_live(settings) and (names := [name for name, entries in wanted.items() if entries]):
        yield (
            f"{' and '.join(names)} {'give' if len(names) > 1 else 'gives'} access to servers, which then need live collaboration, but "
            "jupyterhub_rtc_servers is none. Set it to collaboration_servers"
        )
    accounts = {account_of(project, prefix) for project in good}
    for number, each in enumerate(access, 1):
        if isinstance(each, dict) and each.get("owner") in accounts:
            yield (
                f"jupyterhub_server_access, entry {number}: {each['owner']} is the account of a project. Name its users in "
                "jupyterhub_projects instead"
            )


def _project_problems(place: str, project: Any) -> Iterator[str]:
    if not isinstance(project, dict) or not isinstance(project.get("name"), str):
        yield f"{place} has no name. Add one, such as name: rainfall"
        return
    name = project["name"]
    yield from _slug_problems(place, name)
    place = f"{place} ({name[:LONGEST_SLUG]!r})"
    if unknown := sorted(map(str, {*project} - PROJECT_KEYS)):
        yield f"{place} has an unknown option {unknown[0]!r}. The options are {', '.join(sorted(PROJECT_KEYS))}"
    if project.get("state", "present") not in ("present", "absent"):
        yield f"{place}: state is {project['state']!r}. Set it to present or to absent"
    for level in LEVELS:
        yield from _people_problems(f"{place}: {level}", project.get(level))
    if (memory := str(project.get("mem_limit") or "")) and not MEMORY.fullmatch(memory):
        yield f"{place}: mem_limit is {memory!r}. Set it to a number followed by K, M, G or T, such as 4G"
    try:
        if float(project.get("cpu_limit") or 0) < 0:
            raise ValueError
    except (TypeError, ValueError):
        yield f"{place}: cpu_limit is {project['cpu_limit']!r}. Set it to a number of processors such as 2 or 0.5"
    workspaces = project.get("workspaces")
    if workspaces is not None and not isinstance(workspaces, list):
        yield f"{place}: workspaces must be a list. Start each entry with a hyphen, such as - name: data"
        return
    for workspace in workspaces or []:
        if not isinstance(workspace, dict) or not isinstance(workspace.get("name"), str):
            yield f"{place}: an entry of workspaces has no name. Add one, such as name: data"
            continue
        yield from _slug_problems(f"{place}, workspaces", workspace["name"])
        if unknown := sorted(map(str, {*workspace} - WORKSPACE_KEYS)):
            yield f"{place}: an entry of workspaces has an unknown option {unknown[0]!r}. The options are {', '.join(sorted(WORKSPACE_KEYS))}"
        for kind in WORKSPACE_LEVELS:
            yield from _people_problems(
                f"{place}, workspace {workspace['name'][:LONGEST_SLUG]!r}: {kind}", workspace.get(kind)
            )
    for name, number in Counter(
        str(workspace["name"])
        for workspace in workspaces or []
        if isinstance(workspace, dict) and "name" in workspace
    ).items():
        if number > 1:
            yield f"{place} has two workspaces {name!r}. Rename one of them"


def _slug_problems(place: str, name: str) -> Iterator[str]:
    if len(name) > LONGEST_SLUG:
        yield f"{place}: the name {name[:LONGEST_SLUG]}... has {len(name)} characters. Use at most {LONGEST_SLUG}"
    elif not SLUG.fullmatch(name):
        proposal = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")
        hint = f", such as {proposal}" if SLUG.fullmatch(proposal) else ""
        yield (
            f"{place}: the name {name!r} is not valid. Use lower-case letters, digits and single hyphens, starting with a letter{hint}"
        )


def _people_problems(place: str, people: Any) -> Iterator[str]:
    if people is None:
        return
    if not isinstance(people, dict) or {*people} - {"users", "groups"}:
        yield f"{place} is {people!r:.60}. Write users: [...], groups: [...], or both"
        return
    yield from _names_problems(place, people)


def _names_problems(place: str, people: dict[str, Any]) -> Iterator[str]:
    for kind in ("users", "groups"):
        names = people.get(kind)
        if names is not None and not isinstance(names, list):
            yield f"{place}: {kind} must be a list. Write [{names}]"
            continue
        for name in names or []:
            if not isinstance(name, str) or NO_NAME.search(name):
                yield f"{place}: {kind} has {name!r:.60}, which is not a name. Write the name that the hub knows, in quotes if it is a number"


def _all_owners_problems(place: str, each: dict[str, Any], settings: dict[str, Any]) -> Iterator[str]:
    if not settings["all_users_mode"]:
        yield (
            f"{place}: the owner * means the servers of all users, which only all users mode opens. Name the owner, or set "
            "jupyterhub_rtc_share_all_users to true"
        )
    elif each.get("server"):
        yield f"{place}: the owner * means all servers of all users. Remove server, or name the owner"
    elif each.get("level", "edit") != "edit":
        yield f"{place}: level is {each['level']!r:.60}. Set it to edit, which is the only level for the servers of all users"


def _access_problems(place: str, each: Any, settings: dict[str, Any]) -> Iterator[str]:
    if not isinstance(each, dict) or not isinstance(each.get("owner"), str) or NO_NAME.search(each["owner"]):
        yield f"{place} has no owner. Name the hub user who owns the server, such as owner: alice"
        return
    place = f"{place} ({each['owner']!r:.60})"
    if unknown := sorted(map(str, {*each} - ACCESS_KEYS)):
        yield f"{place} has an unknown option {unknown[0]!r}. The options are {', '.join(sorted(ACCESS_KEYS))}"
    server = each.get("server") or ""
    if not isinstance(server, str) or (server and NO_NAME.search(server)):
        yield f"{place}: server is {server!r:.60}. Set it to the name of a named server, or leave it out for the default server"
    if each["owner"] == ALL_OWNERS:
        yield from _all_owners_problems(place, each, settings)
    elif each.get("level", "edit") not in LEVELS:
        yield f"{place}: level is {each['level']!r:.60}. Set it to {', '.join(LEVELS)}"
    yield from _names_problems(place, each)


def _together(settings: dict[str, Any], projects: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the conflicts between projects that are valid on their own."""
    prefix = settings["account_prefix"]
    for name, number in Counter(project["name"] for project in projects).items():
        if number > 1:
            yield f"jupyterhub_projects has {number} projects {name!r}. Give each another name"
    accounts = {project["name"]: account_of(project, prefix) for project in projects}
    for account, number in Counter(accounts.values()).items():
        if number > 1:
            names = " and ".join(name for name, each in accounts.items() if each == account)
            yield f"jupyterhub_projects: {names} have the same account {account}. Set another account for one of them"
    people = {
        name
        for project in projects
        for level in LEVELS
        for name in (project.get(level) or {}).get("users") or []
    }
    for name, account in accounts.items():
        if not ACCOUNT_NAME.fullmatch(account):
            yield (
                f"jupyterhub_projects: the account of {name} would be {account!r}, which is not a valid name for a system account. Set account "
                "to a name of lower-case letters, digits, _ and -, starting with a letter, at most 31 characters"
            )
        elif account == settings["shared_user"]:
            yield f"jupyterhub_projects: the account of {name} is {account}, which is the shared account. Set account to another name"
        elif account in people:
            yield (
                f"jupyterhub_projects: the account of {name} is {account}, who is a member of a project. Set account to an unused name"
            )
    confirmed = settings["confirm_delete"]
    for project in projects:
        if project.get("state") == "absent" and project["name"] not in confirmed:
            yield _deletion(settings, f"The project {project['name']}", project["name"])


def _deletion(settings: dict[str, Any], what: str, name: str) -> str:
    archive = settings["archive"]
    kept = (
        f"An archive would be kept in {archive}"
        if archive
        else "To keep an archive, set jupyterhub_projects_archive"
    )
    return (
        f"{what} would be permanently deleted, with all files and everyone's access. {kept}. To confirm, add {name} to "
        "jupyterhub_projects_confirm_delete"
    )


def account_of(project: dict[str, Any], prefix: str) -> str:
    """Return the hub user that owns a project's server."""
    return str(project.get("account") or f"{prefix}{project['name']}")


def _container_spawner(host: dict[str, Any]) -> str:
    """Return the hub's spawner if it starts servers in containers, where projects have no workspaces; otherwise, an empty string."""
    return next(iter(sorted({*host["servers"].get("spawners", [])} & CONTAINERS)), "")


def _in_containers(settings: dict[str, Any], spawner: str) -> list[str]:
    """Return the problems of projects whose workspaces would have no effect, because servers run in containers."""
    return [
        f"The project {project['name']} has workspaces, which need accounts and groups of the hub's host, but {spawner} starts servers in "
        "containers. Remove workspaces from the project. Its members can work on its server"
        for project in present(settings)
        if project.get("workspaces")
    ]


def host_problems(settings: dict[str, Any], host: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return the problems of the host, as sentences that say how to fix each one.

    host: the result of module hub_info. found: the result of module project_info.
    """
    names, missing, foreign = host["servers"]["account_names"], {*found["missing"]}, found["foreign"]
    known = {*host["people"]["users"]} if host["people"] else set()
    wanted = {project["name"]: project for project in settings["projects"]}
    problems = [found["root"]["problem"]] if present(settings) and found["root"]["problem"] else []
    if found["shut"]:
        problems += [
            f"The unit {host['service']['name']} does not allow the hub to write to {path}, which workspaces need. {way_to_write(path)} to the "
            "unit and restart it"
            for path in found["shut"]
        ]
    if present(settings) and found["silent"]:
        problems.append(unknown_names(found["silent"]))
    if present(settings) and found["other_hubs"]:
        problems.append(found["other_hubs"])
    if spawner := _container_spawner(host):
        problems += _in_containers(settings, spawner)
    # In shared user mode, the group is created with the shared account.
    if present(settings) and settings["all_users_mode"] and not host["group"]["exists"]:
        problems.append(
            f"The group {settings['group']}, to which projects' accounts belong, does not exist. Set jupyterhub_rtc_group to the group "
            "whose members can use the hub"
        )
    for name, before in found["remembered"].items():
        if name in wanted:
            kept: dict[str, Any] = {"workspaces": []} if _container_spawner(host) else {}
            problems += _changes_refused(settings, names, wanted[name], before | kept)
        else:
            problems.append(
                f"The project {name} exists on the host but is missing from jupyterhub_projects. Add it again, or add it with state: absent to "
                "delete it"
            )
    # Scopes contain the owner's name, which must match the hub's spelling.
    for owner in sorted({each["owner"] for each in settings["server_access"]} - known):
        if owner.lower() in known:
            problems.append(
                f"jupyterhub_server_access: the hub knows {owner} as {owner.lower()}. Write the owner's name like this"
            )
    for project in present(settings):
        user, name = account_of(project, settings["account_prefix"]), _host_account(project, settings, names)
        if not ACCOUNT_NAME.fullmatch(name):
            problems.append(
                f"The hub would run the server of the project {project['name']} as {name!r} (from {names}), which is not a valid "
                "name for a system account. Set account to a shorter name"
            )
        elif name in foreign:
            whose = (
                "belongs to the system"
                if foreign[name]["system"]
                else "belongs to a person or has another purpose"
            )
            problems.append(
                f"The account {name} of the project {project['name']} already exists and {whose}. Set account to another name"
            )
        elif user in known and name in missing:
            problems.append(
                f"The account of the project {project['name']} would be {user}, who is already a hub user. Set account to another name"
            )
    for name, groups in found["taken"].items():
        problems.append(
            f"The project {name} would get a group of the name {groups[0]}, which already exists. Choose other names for the project, its "
            "account or its workspaces, or remove the group"
        )
    return problems


def _changes_refused(
    settings: dict[str, Any], names: str, project: dict[str, Any], before: dict[str, Any]
) -> Iterator[str]:
    """Yield the changes to a project that are impossible or not confirmed. before: the project as recorded on the host."""
    name, account = project["name"], _host_account(project, settings, names)
    if account != before["account"]:
        yield (
            f"The account of the project {name} cannot change from {before['account']} to {account}, because it owns all files. Set account "
            f"to {before['account']}, or create a new project"
        )
    if project.get("state", "present") == "absent":
        return
    if before["root"] != settings["root"]:
        yield (
            f"The files of the project {name} are in {before['root']}, but jupyterhub_projects_root is {settings['root']}. Set it to "
            f"{before['root']}"
        )
    workspaces = {workspace["name"] for workspace in _workspaces_of(project)}
    for workspace in before["workspaces"]:
        if workspace not in workspaces and f"{name}/{workspace}" not in settings["confirm_delete"]:
            yield _deletion(
                settings, f"The workspace {workspace} of the project {name}", f"{name}/{workspace}"
            )


def present(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the projects whose state is not `absent`."""
    return [project for project in settings["projects"] if project.get("state", "present") == "present"]


def workspaces(settings: dict[str, Any], host: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each project has on the host: its `name`, its `account`, and the names of its workspaces (`workspaces`)."""
    names = host["servers"]["account_names"]
    return [
        {
            "name": project["name"],
            "account": _host_account(project, settings, names),
            "workspaces": [workspace["name"] for workspace in workspaces_of(project, host)],
        }
        for project in present(settings)
    ]


def written(settings: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """Return the directories that the hub must be able to write to, so that its users get workspaces."""
    spawner = " ".join(host["servers"].get("spawners", []))
    if not present(settings) or host["service"]["user"] != "root":
        return []
    if "SystemdSpawner" in spawner:
        return [settings["root"], RECORDS]
    # Servers without a systemd unit get the groups that the host has for their account, so the hub changes /etc/group.
    return [settings["root"], RECORDS, "/etc"] if "LocalProcessSpawner" in spawner else []


def _host_account(project: dict[str, Any], settings: dict[str, Any], names: str) -> str:
    """Return the name of the host account that runs a project's server. names: the spawner's template for account names."""
    return names.replace("{USERNAME}", account_of(project, settings["account_prefix"]))


def workspaces_of(project: dict[str, Any], host: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the workspaces of a project, with the users and groups who have access in addition to the project's members."""
    return [] if _container_spawner(host) else _workspaces_of(project)


def _workspaces_of(project: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": workspace["name"], **{kind: _people(workspace.get(kind)) for kind in WORKSPACE_LEVELS}}
        for workspace in project.get("workspaces") or [{"name": DEFAULT_WORKSPACE}]
    ]


def _people(people: Any) -> dict[str, list[str]]:
    return {kind: list((people or {}).get(kind) or []) for kind in ("users", "groups")}


def policy(settings: dict[str, Any], host: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return the desired state of a host. found: the result of module project_info, which is skipped if there are no projects.

    problems: see `host_problems`. The rest applies only if there are none. opens_servers: whether the hub needs the fragment. levels: the
    scopes of each access level. projects, access: the arguments in the hub's fragment (see `jupyterhub_collab.hub.projects.open_servers`),
    each as a line of JSON. workspaces: see the function with this name. absent: what to delete, each with `project`, `workspace` (empty for
    the whole project) and `archive` (whether to archive it). retired: the hub users of deleted projects. owners: the users whose servers
    others can open. table, warnings: sentences for the administrator.
    """
    found = NOTHING | found
    projects = [
        {
            "name": project["name"],
            "account": account_of(project, settings["account_prefix"]),
            **{level: _people(project.get(level)) for level in LEVELS},
            "workspaces": workspaces_of(project, host),
            "mem_limit": str(project.get("mem_limit") or ""),
            "cpu_limit": float(project.get("cpu_limit") or 0),
        }
        for project in present(settings)
    ]
    access = [
        {
            "owner": each["owner"],
            "server": each.get("server") or "",
            "level": each.get("level", "edit"),
            **_people(each),
        }
        for each in settings["server_access"]
    ]
    staying = {
        project["name"]: {workspace["name"] for workspace in project["workspaces"]} for project in projects
    }
    remembered = found["remembered"]
    gone = [project for project in settings["projects"] if project["name"] in {*remembered} - {*staying}]
    archived = bool(settings["archive"])
    absent = [{"project": project["name"], "workspace": "", "archive": archived} for project in gone] + [
        {"project": name, "workspace": workspace, "archive": archived}
        for name, workspaces in ({} if _container_spawner(host) else staying).items()
        for workspace in remembered.get(name, {"workspaces": []})["workspaces"]
        if workspace not in workspaces
    ]
    return {
        "problems": host_problems(settings, host, found),
        "opens_servers": bool(projects or access),
        "levels": LEVELS,
        # Python reads these lines, in which an escaped character beyond U+FFFF would be two others.
        "projects": [json.dumps(project, ensure_ascii=False) for project in projects],
        "workspaces": workspaces(settings, host),
        "absent": absent,
        "access": [json.dumps(each, ensure_ascii=False) for each in access],
        "retired": [account_of(project, settings["account_prefix"]) for project in gone],
        "owners": [project["account"] for project in projects] + _owners(access),
        "table": _table(projects, access),
        "warnings": _warnings(settings, host, projects, access, absent),
    }


def _owners(access: list[dict[str, Any]]) -> list[str]:
    return [each["owner"] for each in access if each["owner"] != ALL_OWNERS]


def _table(projects: list[dict[str, Any]], access: list[dict[str, Any]]) -> list[str]:
    rows = []
    for project in projects[:MOST_ROWS]:
        who = [
            f"{_listed(project['manage'])} can start, stop and open its server ({project['account']}), and work there",
            f"{_listed(project['edit'])} can open its server ({project['account']}) while it runs, and work there",
            f"{_listed(project['view'])} can view its server ({project['account']}) while it runs, and change nothing",
        ]
        told = [
            sentence
            for level, sentence in zip(("manage", "edit", "view"), who, strict=True)
            if any(project[level].values())
        ]
        workspaces = [
            f"{_listed(workspace[kind])} can {WORDS[kind]} its workspace {workspace['name']}"
            for workspace in project["workspaces"]
            for kind in WORKSPACE_LEVELS
            if any(workspace[kind].values())
        ]
        rows.append(
            f"Project {project['name']}: {'; '.join(told + workspaces) or 'only administrators, until you name members'}"
        )
    if len(projects) > MOST_ROWS:
        rows.append(
            f"And {len(projects) - MOST_ROWS} more projects, which are listed in the hub's configuration (70-projects.py)"
        )
    for each in access[:MOST_ROWS]:
        if each["owner"] == ALL_OWNERS:
            rows.append(f"{_listed(each)} can open all running servers, and work there as their owners")
            continue
        what = ACTIONS[each["level"]]
        when = "" if each["level"] == "manage" else " while it runs"
        there = "change nothing" if each["level"] == "view" else f"work there as {each['owner']}"
        server = (
            f"the server {each['server']} of {each['owner']}"
            if each["server"]
            else f"the server of {each['owner']}"
        )
        rows.append(f"{_listed(each)} {what} {server}{when}, and {there}")
    if len(access) > MOST_ROWS:
        rows.append(f"And {len(access) - MOST_ROWS} more entries of jupyterhub_server_access")
    return rows


def _listed(people: dict[str, list[str]]) -> str:
    names = [*people["users"], *(f"members of the group {name}" for name in people["groups"])]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names) or "nobody"


def _warnings(
    settings: dict[str, Any],
    host: dict[str, Any],
    projects: list[dict[str, Any]],
    access: list[dict[str, Any]],
    absent: list[dict[str, Any]],
) -> list[str]:
    warnings = []
    named = [project[level] for project in projects for level in LEVELS] + access
    named += [
        workspace[kind]
        for project in projects
        for workspace in project["workspaces"]
        for kind in WORKSPACE_LEVELS
    ]
    people = host["people"]
    if people is not None:
        users = {name.lower() for each in named for name in each["users"]} - {*people["users"]}
        users |= {owner.lower() for owner in _owners(access)} - {*people["users"]}
        groups = {name for each in named for name in each["groups"]} - {*people["groups"]}
        if users:
            warnings.append(
                f"The hub does not know {_some(users)} yet. They get access when they first log in. Check the spelling of the names."
            )
        if groups:
            warnings.append(
                f"The hub has no group {_some(groups)} yet. Its members get access once the group exists. Check the spelling of the names."
            )
    everyones, shared = settings["level"], settings["shared_user"]
    is_managed = any(
        (each["owner"], each["server"], each["level"]) == (shared, "", "manage")
        and (each["users"] or each["groups"])
        for each in access
    )
    if not settings["all_users_mode"] and is_live(settings) and everyones != "manage" and not is_managed:
        warnings.append(
            f"Only administrators can start the `{shared}` server, because jupyterhub_rtc_level is {everyones}. To let others, name them in "
            f"jupyterhub_server_access, with owner: {shared} and level: manage."
        )
    if settings["all_users_mode"] and projects:
        warnings.append(
            f"All users mode is on, so all hub users can {'view' if everyones == 'view' else 'open'} the servers of all projects, not only the "
            "members."
        )
    viewed = [each["owner"] for each in access if each["level"] == "view"]
    viewed += [project["account"] for project in projects if any(project["view"].values())]
    all_edit = {*viewed} if settings["all_users_mode"] else {*viewed} & {settings["shared_user"]}
    if all_edit and everyones != "view":
        warnings.append(
            f"The level view has no effect on the servers of {_some(all_edit)}, because all hub users can edit there. The highest level counts."
        )
    archive = settings["archive"]
    warnings += [
        f"The {'workspace ' + each['workspace'] + ' of the ' if each['workspace'] else ''}project {each['project']} is permanently deleted, with all "
        + (f"its files. An archive is kept in {archive}." if archive else "its files and without an archive.")
        for each in absent
    ]
    return warnings


def _some(names: set[str], most: int = 10) -> str:
    """Return a list of names for a sentence, with at most `most` names."""
    first = sorted(names)[:most]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(first) + more
