# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights of each user in each workspace, and what the unit of a session is told about them."""

import asyncio
import logging
import os
import pwd
import resource
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from jupyterhub_collab.hub import workspaces
from jupyterhub_collab.hub.workspace_mounts import merged, mounts
from jupyterhub_collab.hub.workspace_rights import more, named_as, rights_of
from jupyterhub_collab.hub.workspaces import share_workspaces
from jupyterhub_collab.workspaces.home import show
from open_place import let_only_root_start_python, open_place
from unused_accounts import FIRST

ACCOUNT = FIRST + 46

PROJECTS: list[dict[str, Any]] = [
    {
        "name": "rain",
        "account": "project-rain",
        "manage": {"users": ["ann"]},
        "edit": {"groups": ["hydro"]},
        "workspaces": [
            {"name": "files"},
            {"name": "data", "write": {"users": ["cleo"]}, "read": {"groups": ["public"], "users": ["cleo"]}},
        ],
    }
]


@pytest.mark.parametrize(
    ("user", "groups", "expected"),
    [
        ("ann", [], {"rain/files": "write", "rain/data": "write"}),
        ("ben", ["hydro", "public"], {"rain/files": "write", "rain/data": "write"}),
        ("cleo", [], {"rain/data": "write"}),
        ("dan", ["public"], {"rain/data": "read"}),
        ("hydro", [], {}),
        ("project-rain", [], {"rain/files": "write", "rain/data": "write"}),
    ],
)
def test_rights(user: str, groups: list[str], expected: dict[str, str]) -> None:
    assert rights_of(PROJECTS, user, groups) == expected


def test_names_count_as_the_hub_has_them() -> None:
    written = [
        {
            **PROJECTS[0],
            "manage": {"users": ["Ann"]},
            "workspaces": [{"name": "files", "read": {"users": ["EVE"]}}],
        }
    ]
    assert rights_of(written, "ann", []) == {}
    assert rights_of(named_as(written, str.lower), "ann", []) == {"rain/files": "write"}
    assert rights_of(named_as(written, str.lower), "eve", []) == {"rain/files": "read"}


def test_fragment_of_an_earlier_version() -> None:
    """A change may move such a fragment to this version, without a change of the fragment itself."""
    (project,) = PROJECTS
    earlier = {("shares" if name == "workspaces" else name): value for name, value in project.items()}
    expected = {"rain/files": "project-rain", "rain/data": "project-rain"}
    for projects in ([earlier], PROJECTS):
        known = workspaces.Workspaces("/srv/projects", "/workspaces", projects, "", 0)
        assert known.workspaces == expected
        assert rights_of(known.projects, "cleo", []) == {"rain/data": "write"}


def test_more_of_two() -> None:
    assert more({"a": "read", "b": "write"}, {"a": "write", "b": "read", "c": "read"}) == {
        "a": "write",
        "b": "write",
        "c": "read",
    }


def test_mounts() -> None:
    assert mounts("/srv/p", "/w", {"r/f": "write", "r/d": "read", "r/x": "write"}, {"r/x"}, "/run/n") == {
        "TemporaryFileSystem": "/w:ro",
        "BindPaths": "-/srv/p/r/f:/w/r/f",
        "BindReadOnlyPaths": "-/srv/p/r/d:/w/r/d -/run/n:/w/r/x.is-not-there.txt",
    }


def test_administrators_properties_come_first_and_stay() -> None:
    theirs = {"BindPaths": "/a:/b", "SupplementaryGroups": ["tty", "disk"], "TasksMax": "3"}
    assert merged(theirs, {"BindPaths": "c:d", "SupplementaryGroups": "5", "PLACE": "e"}) == {
        "BindPaths": "/a:/b c:d",
        "SupplementaryGroups": ["tty", "disk", "5"],
        "TasksMax": "3",
        "PLACE": "e",
    }
    assert theirs["BindPaths"] == "/a:/b"


@pytest.mark.parametrize(
    "wrong",
    [
        {"root": "relative"},
        {"root": "/a b"},
        {"mount": "/a/../etc"},
        {"mount": "/{USERNAME}"},
        {"link": "a/b"},
        {"link": ".."},
    ],
)
def test_paths_that_mean_something_else_are_refused(wrong: dict[str, str]) -> None:
    given: dict[str, Any] = {"root": "/srv/p", "mount": "/w", "projects": []}
    with pytest.raises(ValueError, match="must be"):
        share_workspaces(Config(), **given | wrong)


def test_home_shows_and_forgets(tmp_path: Path) -> None:
    path = tmp_path / "workspace"
    told: dict[str, Any] = {"path": str(path), "mount": "/w", "root": "/srv/p"}
    assert show(**told, target="/w") == "" and os.readlink(path) == "/w"
    assert show(**told, links={"r/f": "/srv/p/r/f"}) == "" and os.readlink(path / "r" / "f") == "/srv/p/r/f"
    assert show(**told) == "" and not path.exists()
    path.mkdir()
    (path / "own").write_text("")
    wishes: list[dict[str, Any]] = [{"target": "/w"}, {"links": {"r/f": "/srv/p/r/f"}}]
    for wish in wishes:
        assert "already exists" in show(**told, **wish)
    assert show(**told) == "" and (path / "own").exists()
    (path / "own").unlink()
    path.rmdir()
    path.symlink_to("/etc")
    assert "already exists" in show(**told, target="/w") and os.readlink(path) == "/etc"


def test_account_does_not_fill_the_hubs_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A user's process writes without end to the output of the program that makes the link in their home directory."""
    program = tmp_path / "home.py"
    program.write_text("print('x' * 10, flush=True)\nwhile True: print('y' * 100_000)\n")
    monkeypatch.setattr(workspaces, "HOME_PROGRAM", program)
    monkeypatch.setattr(workspaces, "HOME_SECONDS", 3)
    account = pwd.struct_passwd(("root", "x", os.getuid(), os.getgid(), "", str(tmp_path), ""))
    spawner: Any = SimpleNamespace(log=logging.getLogger(), _log_name="ann")
    Path("/proc/self/clear_refs").write_text("5")  # forget how much memory earlier tests used
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asyncio.run(workspaces.Workspaces("/root", "/mount", [], "link", 0)._show(spawner, account, {}))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB
    assert "shows no workspaces to ann: y" in caplog.text and len(caplog.text) < 200_000


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as another account")
def test_program_in_the_home_directory_becomes_the_account_once_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account's processes stop every process of it, and the hub would wait until the program has started.

    Here, only root can start it.
    """
    let_only_root_start_python(tmp_path, monkeypatch)
    with open_place() as home:
        os.chown(home, ACCOUNT, ACCOUNT)
        account = pwd.struct_passwd(("ann", "x", ACCOUNT, ACCOUNT, "", str(home), ""))
        spawner: Any = SimpleNamespace(log=logging.getLogger(), _log_name="ann")
        given = workspaces.Workspaces("/root", "/mount", [], "link", 0)
        asyncio.run(given._show(spawner, account, {"target": "/mount"}))
        there = (home / "link").lstat()
        assert (there.st_uid, there.st_gid) == (ACCOUNT, ACCOUNT)
