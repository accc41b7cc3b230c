# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of projects: what it refuses, and what the variables lead to."""

import json
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects

SETTINGS: dict[str, Any] = {
    "projects": [],
    "server_access": [],
    "account_prefix": "project-",
    "root": "/srv/jupyterhub-projects",
    "mount": "/workspace/notebooks",
    "confirm_delete": [],
    "archive": "",
    "group": "jupyterhub",
    "shared_user": "shared",
    "all_users_mode": False,
    "level": "manage",
    "servers": "collaboration_servers",
}
RAIN = {"name": "rain", "manage": {"users": ["alice"]}, "edit": {"users": ["bob"], "groups": ["students"]}}
HOST: dict[str, Any] = {
    "group": {"exists": True},
    "servers": {"account_names": "{USERNAME}"},
    "people": {"users": ["alice", "bob"], "groups": ["students"]},
    "service": {"name": "jupyterhub", "user": "root"},
}
FOUND: dict[str, Any] = {
    **{"remembered": {}, "missing": [], "foreign": {}, "taken": {}, "silent": [], "shut": []},
    **{"other_hubs": "", "root": {"problem": ""}},
}
ROOT = SETTINGS["root"]
MADE = {"rain": {"account": "project-rain", "workspaces": ["files"], "root": ROOT}}


def with_projects(*wanted: Any, **others: Any) -> dict[str, Any]:
    return SETTINGS | {"projects": list(wanted)} | others


def problems(*wanted: Any, **others: Any) -> str:
    return ". ".join(projects.problems(with_projects(*wanted, **others)))


def host_problems(*wanted: Any, found: dict[str, Any], host: dict[str, Any] = HOST, **others: Any) -> str:
    return ". ".join(projects.host_problems(with_projects(*wanted, **others), host, FOUND | found))


@pytest.mark.parametrize(
    ("name", "said"),
    {
        "": "is not valid",
        "Rain Fall": "such as rain-fall",
        "../etc": "such as etc",
        "a/b": "such as a-b",
        "régen": "is not valid",
        "rain'; rm -rf /": "is not valid",
        'rain"': "such as rain",
        "{{ 1 }}": "is not valid",
        "rain\n": "is not valid",
        "-rain": "such as rain",
        "rain--fall": "such as rain-fall",
        "9lives": "such as lives",
        "x" * 200: "has 200 characters",
    }.items(),
)
def test_name_that_is_none_is_refused(name: str, said: str) -> None:
    assert said in problems({"name": name})
    assert said in problems({"name": "rain", "workspaces": [{"name": name}]})


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([RAIN, RAIN], "jupyterhub_projects has 2 projects 'rain'. Give each another name"),
        (["rain"], "entry 1 has no name. Add one"),
        ([{"name": 5}], "entry 1 has no name. Add one"),
        (
            [{"name": "rain", "member": []}],
            "('rain') has an unknown option 'member'. The options are account, cpu_limit",
        ),
        ([{"name": "rain", "edit": ["bob"]}], "edit is ['bob']. Write users: [...], groups: [...]"),
        ([{"name": "rain", "edit": {"users": "bob"}}], "users must be a list. Write [bob]"),
        ([{"name": "rain", "edit": {"users": [12]}}], "users has 12, which is not a name"),
        ([{"name": "rain", "edit": {"users": ["a/b"]}}], "users has 'a/b', which is not a name"),
        ([{"name": "rain", "state": "gone"}], "state is 'gone'. Set it to present or to absent"),
        ([{"name": "rain", "mem_limit": "much"}], "mem_limit is 'much'"),
        ([{"name": "rain", "cpu_limit": "many"}], "cpu_limit is 'many'"),
        ([{"name": "rain", "workspaces": "data"}], "workspaces must be a list"),
        ([{"name": "rain", "workspaces": [{"name": "data"}] * 2}], "has two workspaces 'data'"),
        (
            [{"name": "rain", "workspaces": [{"name": "data", "own": {}}]}],
            "an entry of workspaces has an unknown option 'own'",
        ),
        (
            [{"name": "rain", "workspaces": [{"name": "data", "read": ["eve"]}]}],
            "workspace 'data': read is ['eve']",
        ),
        (
            [{"name": "rain", "account": "bob"}, RAIN],
            "the account of rain is bob, who is a member of a project",
        ),
        (
            [{"name": "rain", "account": "Rain!"}],
            "would be 'Rain!', which is not a valid name for a system account",
        ),
        ([{"name": "a" * 30}], "which is not a valid name for a system account. Set account to a name"),
        ([{"name": "rain", "account": "shared"}], "is shared, which is the shared account"),
        ([{"name": "a", "account": "p"}, {"name": "b", "account": "p"}], "a and b have the same account p"),
        (
            [{"name": "rain", "state": "absent"}],
            "would be permanently deleted, with all files and everyone's access",
        ),
    ],
)
def test_mistake_is_named(wanted: list[Any], said: str) -> None:
    if wanted == [{"name": "rain", "account": "bob"}, RAIN]:
        wanted = [{"name": "rain", "account": "bob"}, {**RAIN, "name": "snow"}]
    assert said in problems(*wanted)


@pytest.mark.parametrize(
    ("each", "said"),
    [
        ("alice", "has no owner"),
        ({"owner": "a/b"}, "has no owner"),
        ({"owner": "alice", "people": ["bob"]}, "has an unknown option 'people'"),
        ({"owner": "alice", "users": "bob"}, "users must be a list"),
        ({"owner": "alice", "level": "own"}, "level is 'own'. Set it to view, edit, manage"),
        ({"owner": "alice", "server": "../x"}, "server is '../x'"),
        ({"owner": "project-rain"}, "project-rain is the account of a project"),
    ],
)
def test_mistake_about_someones_server_is_named(each: Any, said: str) -> None:
    assert said in problems(RAIN, server_access=[each])


def test_what_is_no_list_is_named() -> None:
    assert "jupyterhub_projects must be a list" in ". ".join(
        projects.problems(SETTINGS | {"projects": {"rain": {}}})
    )


@pytest.mark.parametrize("root", ["srv", "/srv", "/srv/../etc", "/srv/with blank", "/srv/a:b"])
def test_directory_that_is_none_is_refused(root: str) -> None:
    assert "jupyterhub_projects_root is" in problems(root=root)
    assert "jupyterhub_projects_mount is" in problems(mount=root)


def test_confirmation_and_archive_are_what_they_are_to_be() -> None:
    gone = {"name": "rain", "state": "absent"}
    assert "jupyterhub_projects_confirm_delete must be a list. Write [rainfall]" in problems(
        gone, confirm_delete="rainfall"
    )
    assert "jupyterhub_projects_archive is 'backups'" in problems(
        gone, confirm_delete=["rain"], archive="backups"
    )


def test_many_mistakes_are_counted() -> None:
    found = projects.problems(with_projects(*({"name": f"Rain {number}"} for number in range(50))))
    assert len(found) == projects.MOST_PROBLEMS + 1
    assert found[-1] == "There are 30 more problems like these"


def test_what_is_well_is_not_refused() -> None:
    workspace = {"name": "data", "write": {"groups": ["lab"]}, "read": {"users": ["eve"]}}
    assert (
        problems(
            RAIN,
            {"name": "snow", "workspaces": [workspace]},
            server_access=[{"owner": "alice", "users": ["bob"]}],
        )
        == ""
    )
    assert problems({"name": "rain", "state": "absent"}, confirm_delete=["rain"]) == ""
    assert host_problems(RAIN, found={"remembered": MADE}) == ""


@pytest.mark.parametrize(
    ("wanted", "found", "said"),
    [
        (
            [],
            {"remembered": MADE},
            "The project rain exists on the host but is missing from jupyterhub_projects. Add it again",
        ),
        (
            [{**RAIN, "account": "rainers"}],
            {"remembered": MADE},
            "The account of the project rain cannot change from project-rain to rainers, because it owns all files",
        ),
        (
            [{**RAIN, "workspaces": [{"name": "data"}]}],
            {"remembered": MADE},
            "The workspace files of the project rain would be permanently deleted",
        ),
        (
            [RAIN],
            {"remembered": {"rain": MADE["rain"] | {"root": "/srv/elsewhere"}}},
            "The files of the project rain are in /srv/elsewhere, but jupyterhub_projects_root is /srv/jupyterhub-projects",
        ),
        ([RAIN], {"root": {"problem": "the disk is full"}}, "the disk is full"),
        ([RAIN], {"other_hubs": "another hub has projects"}, "another hub has projects"),
        (
            [RAIN],
            {"silent": ["sss"]},
            "The host's directory service (sss in /etc/nsswitch.conf) does not answer",
        ),
        (
            [RAIN],
            {"shut": ["/srv/projects", "/var/lib/jupyterhub-projects"]},
            "does not allow the hub to write to /srv/projects, which workspaces need. Create this directory (mkdir -p), add ReadWritePaths=",
        ),
        (
            [RAIN],
            {"taken": {"rain": ["project-rain"]}},
            "The project rain would get a group of the name project-rain, which already exists",
        ),
        (
            [RAIN],
            {"foreign": {"project-rain": {"system": False}}},
            "The account project-rain of the project rain already exists and belongs to a person",
        ),
        (
            [RAIN],
            {"foreign": {"project-rain": {"system": True}}},
            "The account project-rain of the project rain already exists and belongs to the system",
        ),
    ],
)
def test_what_stands_in_the_way_on_the_host_is_named(
    wanted: list[Any], found: dict[str, Any], said: str
) -> None:
    assert said in host_problems(*wanted, found=found)


@pytest.mark.parametrize(
    ("spawner", "user", "written"),
    [
        (["Spawner", "SystemdSpawner"], "root", [ROOT, projects.RECORDS]),
        (["Spawner", "LocalProcessSpawner"], "root", [ROOT, projects.RECORDS, "/etc"]),
        (["Spawner", "DockerSpawner"], "root", []),
        (["Spawner", "SystemdSpawner"], "hub", []),
    ],
)
def test_what_the_hub_writes_for_workspaces_depends_on_the_spawner(
    spawner: list[str], user: str, written: list[str]
) -> None:
    host = {"servers": {"spawners": spawner}, "service": {"user": user}}
    assert projects.written(with_projects(RAIN), host) == written
    assert projects.written(with_projects(), host) == []


def test_hub_without_projects_does_not_mind_those_of_another() -> None:
    """Not even if it deletes its own, which is the way out if both hubs have projects."""
    others = {"other_hubs": "another hub has projects"}
    assert host_problems(found=others, server_access=[{"owner": "alice"}]) == ""
    gone = {"name": "rain", "state": "absent"}
    assert host_problems(gone, found=others | {"remembered": MADE}, confirm_delete=["rain"]) == ""


def test_hub_user_who_was_there_before_is_not_taken() -> None:
    host = HOST | {"people": {"users": ["project-rain"], "groups": []}}
    missing = {"missing": ["project-rain"]}
    assert "would be project-rain, who is already a hub user" in host_problems(RAIN, found=missing, host=host)
    assert host_problems(RAIN, found={}, host=host) == ""


def test_owner_is_written_as_the_hub_has_it() -> None:
    said = host_problems(found={}, server_access=[{"owner": "Alice"}, {"owner": "bob"}, {"owner": "zoe"}])
    assert said == "jupyterhub_server_access: the hub knows Alice as alice. Write the owner's name like this"


@pytest.mark.parametrize("spawner", ["DockerSpawner", "SwarmSpawner", "KubeSpawner"])
def test_containers_have_no_workspaces(spawner: str) -> None:
    """Workspaces of a project are refused by name. A project without them has a server, and what it had on the host stays. Requirement 134."""
    host = HOST | {"servers": HOST["servers"] | {"spawners": ["Spawner", spawner]}}
    before = {"remembered": MADE}
    assert host_problems(RAIN, found=before, host=host) == ""
    said = host_problems(RAIN | {"workspaces": [{"name": "data"}]}, {"name": "soil"}, found={}, host=host)
    assert said == (
        f"The project rain has workspaces, which need accounts and groups of the hub's host, but {spawner} starts servers in containers. "
        "Remove workspaces from the project. Its members can work on its server"
    )
    made = projects.policy(with_projects(RAIN), host, FOUND | before)
    assert [each["workspaces"] for each in made["workspaces"]] == [[]]
    assert '"workspaces": []' in made["projects"][0]
    assert made["absent"] == []


def test_group_that_nobody_makes_is_asked_for() -> None:
    host = HOST | {"group": {"exists": False}}
    assert host_problems(RAIN, found={}, host=host) == ""
    assert "The group jupyterhub, to which projects' accounts belong, does not exist" in host_problems(
        RAIN, found={}, host=host, all_users_mode=True
    )


def test_account_that_is_too_long_on_the_host_is_refused() -> None:
    host = HOST | {"servers": {"account_names": "jupyter-of-the-institute-{USERNAME}"}}
    assert "as 'jupyter-of-the-institute-project-rain' (from" in host_problems(RAIN, found={}, host=host)


def test_project_is_all_there_from_a_name_alone() -> None:
    """Requirement 83: a name is enough for a project."""
    settled = projects.policy(with_projects({"name": "rain"}), HOST, FOUND)
    nobody: dict[str, list[str]] = {"users": [], "groups": []}
    assert [json.loads(line) for line in settled["projects"]] == [
        {
            "name": "rain",
            "account": "project-rain",
            "manage": nobody,
            "edit": nobody,
            "view": nobody,
            "workspaces": [{"name": "files", "write": nobody, "read": nobody}],
            "mem_limit": "",
            "cpu_limit": 0,
        }
    ]
    assert settled["table"] == ["Project rain: only administrators, until you name members"]
    assert projects.workspaces(with_projects({"name": "rain"}), HOST) == [
        {"name": "rain", "account": "project-rain", "workspaces": ["files"]}
    ]


def test_table_says_who_may_do_what() -> None:
    access = [
        {"owner": "alice", "users": ["bob"]},
        {"owner": "alice", "server": "lab", "groups": ["g"], "level": "manage"},
        {"owner": "alice", "users": ["eve"], "level": "view"},
    ]
    assert projects.policy(with_projects(RAIN, server_access=access), HOST, FOUND)["table"] == [
        "Project rain: alice can start, stop and open its server (project-rain), and work there; bob and members of the group students "
        "can open its server (project-rain) while it runs, and work there",
        "bob can open the server of alice while it runs, and work there as alice",
        "members of the group g can start, stop and open the server lab of alice, and work there as alice",
        "eve can view the server of alice while it runs, and change nothing",
    ]
    viewed = projects.policy(with_projects({"name": "rain", "view": {"users": ["eve"]}}), HOST, FOUND)
    assert viewed["table"] == [
        "Project rain: eve can view its server (project-rain) while it runs, and change nothing"
    ]


def test_level_that_has_no_effect_is_told() -> None:
    """All users can edit on the shared account's server, and in all users mode on every server."""
    access = [
        {"owner": owner, "groups": ["students"], "level": level}
        for owner, level in (("shared", "view"), ("alice", "view"), ("bob", "edit"))
    ]
    known = HOST | {"people": None}

    def warnings(**settings: Any) -> str:
        return " ".join(
            projects.policy(with_projects(server_access=access, **settings), known, FOUND)["warnings"]
        )

    assert "level view has no effect on the servers of shared, because" in warnings()
    assert "level view has no effect on the servers of alice, shared, because" in warnings(
        all_users_mode=True, level="edit"
    )
    assert "no effect" not in warnings(all_users_mode=True, level="view") + warnings(level="view")


@pytest.mark.parametrize(
    ("entry", "settings", "said"),
    [
        ({}, {}, "which only all users mode opens. Name the owner"),
        ({"server": "lab"}, {"all_users_mode": True}, "Remove server, or name the owner"),
        ({"level": "view"}, {"all_users_mode": True}, "level is 'view'. Set it to edit"),
        ({"level": "manage"}, {"all_users_mode": True}, "level is 'manage'. Set it to edit"),
        ({}, {"all_users_mode": True}, ""),
    ],
)
def test_all_owners_are_for_all_users_mode(
    entry: dict[str, Any], settings: dict[str, Any], said: str
) -> None:
    access = [{"owner": "*", "groups": ["teachers"], **entry}]
    found = problems(server_access=access, **settings)
    assert said in found and bool(found) is bool(said)


def test_all_owners_are_no_user() -> None:
    access = [{"owner": "*", "groups": ["students"]}]
    wanted = with_projects(server_access=access, all_users_mode=True, level="view")
    policy = projects.policy(wanted, HOST, FOUND)
    assert (policy["owners"], policy["warnings"]) == ([], [])
    assert policy["table"] == [
        "members of the group students can open all running servers, and work there as their owners"
    ]


@pytest.mark.parametrize(
    ("settings", "access", "told"),
    [
        ({"level": "view"}, [], True),
        ({"level": "edit"}, [], True),
        ({"level": "view"}, [{"owner": "shared", "groups": ["students"]}], True),
        ({"level": "view"}, [{"owner": "shared", "level": "manage"}], True),
        ({"level": "view"}, [{"owner": "shared", "groups": ["students"], "level": "manage"}], False),
        ({"level": "manage"}, [], False),
        ({"level": "view", "all_users_mode": True}, [], False),
    ],
)
def test_shared_server_that_only_administrators_can_start_is_told(
    settings: dict[str, Any], access: list[dict[str, Any]], told: bool
) -> None:
    wanted = with_projects(server_access=access, **settings)
    warnings = " ".join(projects.policy(wanted, HOST | {"people": None}, FOUND)["warnings"])
    assert (
        "Only administrators can start the `shared` server, because jupyterhub_rtc_level is" in warnings
    ) is told


def test_whom_the_hub_does_not_know_is_named() -> None:
    wanted = {"name": "rain", "edit": {"users": ["Alice", "dan"], "groups": ["lab"]}}
    unknown, group = projects.policy(with_projects(wanted), HOST, FOUND)["warnings"]
    assert unknown.startswith("The hub does not know dan yet. ")
    assert group.startswith("The hub has no group lab yet. ")
    assert projects.policy(with_projects(wanted), HOST | {"people": None}, FOUND)["warnings"] == []


def test_what_goes_is_warned_of() -> None:
    remembered = {
        "remembered": MADE
        | {"snow": {"account": "project-snow", "workspaces": ["files", "old"], "root": ROOT}}
    }
    settings = with_projects(
        {"name": "rain", "state": "absent"},
        {"name": "snow"},
        confirm_delete=["rain", "snow/old"],
        archive="/backup/jupyter",
    )
    assert projects.host_problems(settings, HOST, FOUND | remembered) == []
    settled = projects.policy(settings, HOST, FOUND | remembered)
    assert settled["absent"] == [
        {"project": "rain", "workspace": "", "archive": True},
        {"project": "snow", "workspace": "old", "archive": True},
    ]
    assert settled["retired"] == ["project-rain"]
    assert settled["warnings"] == [
        "The project rain is permanently deleted, with all its files. An archive is kept in /backup/jupyter.",
        "The workspace old of the project snow is permanently deleted, with all its files. An archive is kept in /backup/jupyter.",
    ]


def test_open_servers_need_live_collaboration() -> None:
    access = [{"owner": "carol", "users": ["erin"]}]
    assert "jupyterhub_projects gives access to servers" in problems(RAIN, servers="none")
    assert "jupyterhub_projects and jupyterhub_server_access give access" in problems(
        RAIN, servers="none", server_access=access
    )
    gone = RAIN | {"state": "absent"}
    assert problems(gone, servers="none", confirm_delete=["rain"]) == ""


def test_host_without_projects_is_not_asked_about_them() -> None:
    """Module project_info is skipped then."""
    policy = projects.policy(SETTINGS, HOST, {"skipped": True, "changed": False})
    assert not policy["opens_servers"]
    for name in ("problems", "workspaces", "absent", "retired", "owners", "table", "warnings"):
        assert policy[name] == []


def test_hub_without_open_servers_needs_no_fragment() -> None:
    """Not even while projects are deleted, so that taking them off the list restarts no hub."""
    gone = with_projects(RAIN | {"state": "absent"}, confirm_delete=["rain"])
    assert not projects.policy(gone, HOST, FOUND | {"remembered": MADE})["opens_servers"]
    assert projects.policy(with_projects(RAIN), HOST, FOUND)["opens_servers"]
    carol = {"server_access": [{"owner": "carol", "users": ["erin"]}]}
    assert projects.policy(SETTINGS | carol, HOST, FOUND)["opens_servers"]
