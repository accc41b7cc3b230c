# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of role jupyterhub_projects: what is refused, and what comes of the variables."""

import json
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import projects
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.packed import pack

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
}
RAIN = {"name": "rain", "manage": {"users": ["alice"]}, "edit": {"users": ["bob"], "groups": ["students"]}}
HOST: dict[str, Any] = {
    "group": {"exists": True},
    "servers": {"account_names": "{USERNAME}"},
    "people": {"users": ["alice", "bob"], "groups": ["students"]},
}
FOUND: dict[str, Any] = {"remembered": {}, "missing": [], "foreign": {}, "root": {"problem": ""}}
ROOT = SETTINGS["root"]
MADE = {"rain": {"account": "project-rain", "shares": ["files"], "root": ROOT}}


def with_projects(*wanted: Any, **others: Any) -> dict[str, Any]:
    return SETTINGS | {"projects": list(wanted)} | others


def problems(*wanted: Any, **others: Any) -> str:
    return ". ".join(projects.problems(with_projects(*wanted, **others)))


def host_problems(*wanted: Any, found: dict[str, Any], host: dict[str, Any] = HOST, **others: Any) -> str:
    return ". ".join(projects.host_problems(with_projects(*wanted, **others), host, FOUND | found))


@pytest.mark.parametrize(
    ("name", "said"),
    {
        "": "is no name for a directory",
        "Rain Fall": "such as rain-fall",
        "../etc": "such as etc",
        "a/b": "such as a-b",
        "régen": "is no name for a directory",
        "rain'; rm -rf /": "is no name for a directory",
        'rain"': "such as rain",
        "{{ 1 }}": "is no name for a directory",
        "rain\n": "is no name for a directory",
        "-rain": "such as rain",
        "rain--fall": "such as rain-fall",
        "9lives": "such as lives",
        "x" * 200: "has 200 letters",
    }.items(),
)
def test_name_that_is_none_is_refused(name: str, said: str) -> None:
    assert said in problems({"name": name})
    assert said in problems({"name": "rain", "shares": [{"name": name}]})


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([RAIN, RAIN], "jupyterhub_projects has 2 projects 'rain': give each a name of its own"),
        (["rain"], "entry 1 has no name: give it one"),
        ([{"name": 5}], "entry 1 has no name: give it one"),
        (
            [{"name": "rain", "member": []}],
            "('rain') has no setting 'member': it can have account, cpu_limit",
        ),
        ([{"name": "rain", "edit": ["bob"]}], "edit is ['bob']: write it as users: [...] and groups: [...]"),
        ([{"name": "rain", "edit": {"users": "bob"}}], "users is no list: write [bob]"),
        ([{"name": "rain", "edit": {"users": [12]}}], "users has 12, which is no name"),
        ([{"name": "rain", "edit": {"users": ["a/b"]}}], "users has 'a/b', which is no name"),
        ([{"name": "rain", "state": "gone"}], "state is 'gone': set it to present or to absent"),
        ([{"name": "rain", "mem_limit": "much"}], "mem_limit is 'much'"),
        ([{"name": "rain", "cpu_limit": "many"}], "cpu_limit is 'many'"),
        ([{"name": "rain", "shares": "data"}], "shares is no list"),
        ([{"name": "rain", "shares": [{"name": "data"}] * 2}], "has two shares 'data'"),
        ([{"name": "rain", "shares": [{"name": "data", "own": {}}]}], "a share has no setting 'own'"),
        ([{"name": "rain", "shares": [{"name": "data", "read": ["eve"]}]}], "share 'data': read is ['eve']"),
        (
            [{"name": "rain", "account": "bob"}, RAIN],
            "the account of rain is bob, who is a member of a project",
        ),
        ([{"name": "rain", "account": "Rain!"}], "would be 'Rain!', which is no name for an account"),
        ([{"name": "a" * 30}], "which is no name for an account of the system: set account to one"),
        ([{"name": "rain", "account": "shared"}], "is shared, which everybody shares"),
        ([{"name": "a", "account": "p"}, {"name": "b", "account": "p"}], "a and b have one account p"),
        (
            [{"name": "rain", "state": "absent"}],
            "would be deleted for good, with all files and everybody's access",
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
        ({"owner": "alice", "people": ["bob"]}, "has no setting 'people'"),
        ({"owner": "alice", "users": "bob"}, "users is no list"),
        ({"owner": "alice", "level": "view"}, "level is 'view': set it to edit or to manage"),
        ({"owner": "alice", "server": "../x"}, "server is '../x'"),
        ({"owner": "project-rain"}, "project-rain is the account of a project"),
    ],
)
def test_mistake_about_somebodys_server_is_named(each: Any, said: str) -> None:
    assert said in problems(RAIN, server_access=[each])


def test_packed_list_is_as_good() -> None:
    settings = with_projects(RAIN) | {"projects": pack([RAIN])}
    assert projects.problems(settings) == []
    assert projects.policy(settings, HOST, FOUND) == projects.policy(with_projects(RAIN), HOST, FOUND)
    assert "is no list" in ". ".join(projects.problems(settings | {"projects": pack({"rain": {}})}))


def test_what_is_no_list_is_named() -> None:
    assert "jupyterhub_projects is no list" in ". ".join(
        projects.problems(SETTINGS | {"projects": {"rain": {}}})
    )


@pytest.mark.parametrize("root", ["srv", "/srv", "/srv/../etc", "/srv/with blank", "/srv/a:b"])
def test_directory_that_is_none_is_refused(root: str) -> None:
    assert "jupyterhub_projects_root is" in problems(root=root)
    assert "jupyterhub_projects_mount is" in problems(mount=root)


def test_confirmation_and_archive_are_what_they_are_to_be() -> None:
    gone = {"name": "rain", "state": "absent"}
    assert "jupyterhub_projects_confirm_delete is no list: write [rainfall]" in problems(
        gone, confirm_delete="rainfall"
    )
    assert "jupyterhub_projects_archive is 'backups'" in problems(
        gone, confirm_delete=["rain"], archive="backups"
    )


def test_many_mistakes_are_counted() -> None:
    found = projects.problems(with_projects(*({"name": f"Rain {number}"} for number in range(50))))
    assert len(found) == projects.MOST_PROBLEMS + 1
    assert found[-1] == "there are 30 more problems like these"


def test_what_is_well_is_not_refused() -> None:
    share = {"name": "data", "write": {"groups": ["lab"]}, "read": {"users": ["eve"]}}
    assert (
        problems(
            RAIN, {"name": "snow", "shares": [share]}, server_access=[{"owner": "alice", "users": ["bob"]}]
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
            "the project rain is on the host and not in jupyterhub_projects: put it back",
        ),
        (
            [{**RAIN, "account": "rainers"}],
            {"remembered": MADE},
            "the account of the project rain is project-rain, and rainers is asked for: an owner of a server cannot change",
        ),
        (
            [{**RAIN, "shares": [{"name": "data"}]}],
            {"remembered": MADE},
            "the share files of the project rain would be deleted for good",
        ),
        (
            [RAIN],
            {"remembered": {"rain": MADE["rain"] | {"root": "/srv/elsewhere"}}},
            "the files of the project rain are in /srv/elsewhere, and jupyterhub_projects_root is /srv/jupyterhub-projects",
        ),
        ([RAIN], {"root": {"problem": "the disk is full"}}, "the disk is full"),
        (
            [RAIN],
            {"foreign": {"project-rain": {"system": False}}},
            "the account project-rain of the project rain exists already and is somebody's",
        ),
        (
            [RAIN],
            {"foreign": {"project-rain": {"system": True}}},
            "the account project-rain of the project rain exists already and belongs to the system",
        ),
    ],
)
def test_what_stands_in_the_way_on_the_host_is_named(
    wanted: list[Any], found: dict[str, Any], said: str
) -> None:
    assert said in host_problems(*wanted, found=found)


def test_hub_user_who_was_there_before_is_not_taken() -> None:
    host = HOST | {"people": {"users": ["project-rain"], "groups": []}}
    missing = {"missing": ["project-rain"]}
    assert "the hub has a user project-rain already" in host_problems(RAIN, found=missing, host=host)
    assert host_problems(RAIN, found={}, host=host) == ""


def test_owner_is_written_as_the_hub_has_it() -> None:
    said = host_problems(found={}, server_access=[{"owner": "Alice"}, {"owner": "bob"}, {"owner": "zoe"}])
    assert said == "jupyterhub_server_access: the hub knows Alice as alice: write the owner's name so"


def test_group_that_nobody_makes_is_asked_for() -> None:
    host = HOST | {"group": {"exists": False}}
    assert host_problems(RAIN, found={}, host=host) == ""
    assert "there is no group jupyterhub" in host_problems(RAIN, found={}, host=host, all_users_mode=True)


def test_account_that_is_too_long_on_the_host_is_refused() -> None:
    host = HOST | {"servers": {"account_names": "jupyter-of-the-institute-{USERNAME}"}}
    assert "as 'jupyter-of-the-institute-project-rain', by" in host_problems(RAIN, found={}, host=host)


def test_project_is_all_there_from_a_name_alone() -> None:
    """Requirement 83."""
    settled = projects.policy(with_projects({"name": "rain"}), HOST, FOUND)
    nobody: dict[str, list[str]] = {"users": [], "groups": []}
    assert [json.loads(line) for line in settled["projects"]] == [
        {
            "name": "rain",
            "account": "project-rain",
            "manage": nobody,
            "edit": nobody,
            "shares": [{"name": "files", "write": nobody, "read": nobody}],
            "mem_limit": "",
            "cpu_limit": 0,
        }
    ]
    assert settled["table"] == ["project rain: nobody but administrators, until people are named"]
    assert projects.workspaces(with_projects({"name": "rain"}), HOST) == [
        {"name": "rain", "account": "project-rain", "shares": ["files"]}
    ]


def test_table_says_who_may_do_what() -> None:
    access = [
        {"owner": "alice", "users": ["bob"]},
        {"owner": "alice", "server": "lab", "groups": ["g"], "level": "manage"},
    ]
    assert projects.policy(with_projects(RAIN, server_access=access), HOST, FOUND)["table"] == [
        "project rain: alice may start, stop and open the server of project-rain, and work there; bob and members of the group students "
        "may open the server of project-rain while it runs, and work there",
        "bob may open the server of alice while it runs, and work there as alice",
        "members of the group g may start, stop and open the server lab of alice, and work there as alice",
    ]


def test_whom_the_hub_does_not_know_is_named() -> None:
    wanted = {"name": "rain", "edit": {"users": ["Alice", "dan"], "groups": ["lab"]}}
    unknown, group = projects.policy(with_projects(wanted), HOST, FOUND)["warnings"]
    assert unknown.startswith("The hub does not know dan yet: ")
    assert group.startswith("The hub has no group lab yet: ")
    assert projects.policy(with_projects(wanted), HOST | {"people": None}, FOUND)["warnings"] == []


def test_what_goes_is_warned_of() -> None:
    remembered = {
        "remembered": MADE | {"snow": {"account": "project-snow", "shares": ["files", "old"], "root": ROOT}}
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
        {"project": "rain", "share": "", "archive": True},
        {"project": "snow", "share": "old", "archive": True},
    ]
    assert settled["retired"] == ["project-rain"]
    assert settled["warnings"] == [
        "The project rain is deleted for good, with all its files, of which an archive is kept in /backup/jupyter.",
        "The share old of the project snow is deleted for good, with all its files, of which an archive is kept in /backup/jupyter.",
    ]
