# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives are complete, and no project member can prevent an archive or the project's deletion. Needs root."""

import json
import os
import pwd
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.projects import archive as project_archive
from ansible_collections.collab.jupyterhub.plugins.module_utils.projects import deletion
from ansible_collections.collab.jupyterhub.plugins.module_utils.workspaces import gates, holders, permissions

from child import Child
from open_place import open_place
from unused_accounts import FIRST

GROUP, MEMBER = FIRST + 71, FIRST + 72
GROUPS = permissions.Groups(GROUP, GROUP + 1)
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to act as a project member")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with open_place() as place:
        yield place


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    path = tmp_path / "snow" / "files"
    path.mkdir(parents=True)
    with permissions.opened(str(path)) as directory:
        permissions.open_directory(directory, GROUPS)
    (path / "below").mkdir()
    (path / "notes").write_text("text")
    return path


@contextmanager
def member(program: str, place: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a member's session with its working directory there, and wait until it has called `at_work`."""
    code = (
        f"import mmap, os, signal, time; os.chdir({str(place)!r}); os.setgroups([{GROUP}]); os.setgid({MEMBER}); os.setuid({MEMBER})\n"
        f"def at_work(): print('at work', flush=True)\n{program}"
    )
    with Child([sys.executable, "-I", "-c", code], stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout and session.stdout.readline() == "at work\n"
        yield session


def writer(name: str) -> str:
    """Return a program that writes a file without a pause."""
    return (
        f"file = open({name!r}, 'w'); file.write('x'); file.flush(); at_work()\n"
        "while True: file.write('x' * 1000); file.flush()"
    )


def archive(workspace: Path, *more: tuple[str, str]) -> str:
    contents = [(str(workspace.parent), "files"), *more]
    return project_archive.archive(str(workspace.parents[1] / "archives"), "snow", contents)


def test_hard_link_between_workspace_and_home_stops_nothing(workspace: Path) -> None:
    home = workspace.parents[1] / "home" / "project-snow"
    home.mkdir(parents=True)
    os.link(workspace / "notes", home / "linked")
    os.link(workspace / "notes", workspace / "below" / "linked")
    path = archive(workspace, (str(home.parent), home.name))
    with tarfile.open(path) as made:
        assert {"./files/notes", "./files/below/linked", "./project-snow/linked"} <= {*made.getnames()}
        held = made.extractfile("./project-snow/linked")
        assert held and held.read() == b"text"


def test_links_are_in_the_archive_once(workspace: Path) -> None:
    """Hard links of a file are stored once, so that ten names cannot fill the disk of the archives."""
    (workspace / "big").write_bytes(os.urandom(300_000))
    for number in range(10):
        os.link(workspace / "big", workspace / f"name{number}")
    assert os.path.getsize(archive(workspace)) < 600_000


def test_file_that_is_written_all_the_time_stops_nothing(workspace: Path) -> None:
    with member(writer("log"), workspace):
        path = archive(workspace)
    with tarfile.open(path) as made:
        assert "./files/log" in made.getnames()


def test_archive_that_is_not_whole_is_none(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that differs from a file that has not changed since is deleted, as on a failing disk."""
    real = project_archive._tar

    def spoilt(action: str, path: str, place: str, *arguments: str) -> list[str]:
        said = real(action, path, place, *arguments)
        if action == "--create":
            content = Path(path).read_bytes()
            Path(path).write_bytes(content.replace(b"text", b"tent"))
        return said

    monkeypatch.setattr(project_archive, "_tar", spoilt)
    os.utime(workspace / "notes", (1, 1))
    monkeypatch.setattr(time, "time", lambda: os.stat(workspace / "notes").st_ctime + 5)
    with pytest.raises(project_archive.NotArchived, match="notes: Contents differ"):
        archive(workspace)
    assert os.listdir(workspace.parents[1] / "archives") == []


def test_names_of_all_kinds(workspace: Path) -> None:
    for name in ("new\nline", "a: b", "back\\slash", "ü", "-x"):
        (workspace / name).write_text("")
        with member(writer(name), workspace):
            archive(workspace)
        os.unlink(workspace / name)


@pytest.mark.parametrize(
    "program",
    [
        "n = 0\nwhile True:\n    n += 1\n    open(f'file{n}', 'w').close()\n    if n == 1: at_work()",
        "for _level in range(1500): os.mkdir('d'); os.chdir('d')\nat_work()",
    ],
    ids=["creates files", "nested directories"],
)
def test_workspace_goes_whatever_someone_does_there(workspace: Path, program: str) -> None:
    with member(program, workspace / "below"):
        deletion._close(str(workspace))
        deletion._remove(str(workspace), {GROUP})
    assert not workspace.exists()


def test_next_workspace_of_the_name_is_not_for_the_people_of_this_one(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate of a deleted workspace is forgotten.

    Otherwise, the play would create the next workspace of that name with it, before the hub says who has access.
    """
    monkeypatch.setattr(gates, "STATE", str(tmp_path / "gates"))
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    gate = gates.Gate({MEMBER: 7}, by_name=True)
    gates.update({}, {"snow/files": gate, "snow/data": gate})
    deletion._delete_workspace(str(tmp_path), "snow", "files")
    assert not workspace.exists()
    assert gates.recall() == {"snow/data": gate}


def test_who_stands_in_a_workspace_is_found_and_ended(workspace: Path) -> None:
    kept = "file = open('/dev/null')\n"
    ways = [
        (workspace / "below", kept),
        (Path("/"), f"file = open({str(workspace / 'notes')!r})\n"),
        (
            Path("/"),
            f"with open({str(workspace / 'notes')!r}) as f: m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)\n",
        ),
    ]
    for place, program in ways:
        with member(f"{program}at_work()\ntime.sleep(60)", place) as session:
            assert holders.users({GROUP}) == [session.pid], program
            assert holders.users({GROUP}, MEMBER + 1) == []
            assert holders.end(lambda: holders.users({GROUP}, MEMBER)) == []
            assert session.wait(30)


def test_who_is_in_no_list_is_ended_all_the_same(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member leaves a process in a workspace that forks and exits without a pause, and is in no list of processes.

    It would read and write the files that are kept when the project is removed.
    """
    (tmp_path / "gates").mkdir()
    monkeypatch.setattr(gates, "STATE", str(tmp_path / "gates"))
    given = {
        "ann": {"user": "ann", "shares": {"snow/files": "write"}},
        "gone": {"shares": {"snow/files": "read"}},
    }
    (tmp_path / "gates" / "given.json").write_text(json.dumps(given))
    accounts = {"ann": pwd.struct_passwd(("ann", "x", MEMBER, MEMBER, "", "/", ""))}
    monkeypatch.setattr(pwd, "getpwnam", lambda name: accounts[name])
    heartbeat = workspace / "below" / "heartbeat"
    chain = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
at_work()
end = time.monotonic() + 60
while time.monotonic() < end:
    open("heartbeat", "w").close()
    if os.fork(): os._exit(0)
"""
    with member(chain, workspace / "below"):
        deletion._end_users({GROUP}, str(workspace))
        os.unlink(heartbeat)
        time.sleep(0.5)
        assert not heartbeat.exists(), "a process still writes there"
