# SPDX-License-Identifier: GPL-3.0-or-later
"""Files change together, and a change that was cut off at any point can be undone (requirement B2)."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import transaction
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.transaction import FileChange, Journal

from child import Child
from open_place import open_place
from unused_accounts import FIRST


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with open_place() as place:
        yield place


@pytest.fixture
def changes(tmp_path: Path) -> list[FileChange]:
    """Return changes to three files: one new, one changed and one deleted."""
    (tmp_path / "main.py").write_text("old")
    (tmp_path / "main.py").chmod(0o640)
    (tmp_path / "gone.py").write_text("gone")
    return [
        FileChange(str(tmp_path / "new.py"), b"new", mode=0o600),
        FileChange(str(tmp_path / "main.py"), b"changed", keeps_attributes=True),
        FileChange(str(tmp_path / "gone.py"), None),
    ]


def listing(directory: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mode & 0o777) for p in directory.iterdir() if p.is_file()}


def test_swap_puts_everything_in_place(tmp_path: Path, changes: list[FileChange]) -> None:
    for change in changes:
        transaction.stage(change)
    transaction.swap(changes)
    assert listing(tmp_path) == {"new.py": (b"new", 0o600), "main.py": (b"changed", 0o640)}


def undo_by_script(journal: Journal) -> None:
    """Undo the changes as systemd does if no run is active."""
    subprocess.run(["sh", journal.script], check=True)


@pytest.mark.parametrize("undo", [Journal.undo, undo_by_script])
@pytest.mark.parametrize("steps", range(4))
def test_undo_after_any_step_gives_back_what_was_there(
    tmp_path: Path, changes: list[FileChange], steps: int, undo: Callable[[Journal], object]
) -> None:
    before = listing(tmp_path)
    for change in changes:
        transaction.stage(change)
    Journal(str(tmp_path / "undo")).begin(changes)
    transaction.swap(changes[:steps])

    later = Journal(str(tmp_path / "undo"))  # another process, which only knows what is on disk
    assert later.exists()
    undo(later)
    transaction.unstage(changes)
    later.end()
    assert listing(tmp_path) == before
    assert not later.exists()


def test_staging_alone_leaves_the_files_alone(tmp_path: Path, changes: list[FileChange]) -> None:
    before = listing(tmp_path)
    for change in changes:
        transaction.stage(change)
    transaction.unstage(changes)
    assert listing(tmp_path) == before


def test_half_written_journal_counts_as_none(tmp_path: Path, changes: list[FileChange]) -> None:
    """A half-written journal counts as none: the run ended while it backed up files, so nothing has changed yet."""
    (tmp_path / "undo").mkdir()
    (tmp_path / "undo" / "0").write_text("half")
    journal = Journal(str(tmp_path / "undo"))
    assert not journal.exists()
    journal.begin(changes)
    assert journal.exists()


def test_attributes_that_are_ours_are_put_right(tmp_path: Path) -> None:
    path = tmp_path / "ours.py"
    path.write_text("same")
    path.chmod(0o666)
    change = FileChange(str(path), b"same", 0o600, os.getuid(), os.getgid())
    assert not change.is_made
    transaction.stage(change)
    transaction.swap([change])
    assert listing(tmp_path) == {"ours.py": (b"same", 0o600)}
    assert change.is_made
    path.chmod(0o640)
    change.keeps_attributes = True
    assert change.is_made


# Opens a file as soon as possible, and prints the beginning of its content.
READER = f"""
import os, sys, time
os.setgroups([]); os.setgid({FIRST + 61}); os.setuid({FIRST + 61})
print("looks", flush=True)
while True:
    try:
        found = open(sys.argv[1]).read()
    except OSError:
        continue
    if found:
        print(found[:6], flush=True)
        break
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to read as another account")
@pytest.mark.parametrize("how", ["copy", "stage", "write"])
def test_nobody_else_reads_a_secret_while_it_is_written(tmp_path: Path, how: str) -> None:
    """No other account can read a secret while it is written, even if it opens each temporary file as soon as the file exists."""
    secret = tmp_path / "secret.py"
    secret.write_text("secret" * 200_000)
    secret.chmod(0o600)
    change = FileChange(str(secret), secret.read_bytes(), keeps_attributes=True)
    target = {"copy": str(tmp_path / "copy"), "stage": change.staged, "write": f"{secret}.collab-new"}[how]
    with Child([sys.executable, "-I", "-c", READER, target], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout and reader.stdout.readline() == "looks\n"
        for _time in range(100):
            if how == "copy":
                transaction.copy(str(secret), target)
            elif how == "stage":
                transaction.stage(change)
            else:
                transaction.write(str(secret), change.content or b"")
            if os.path.exists(target):
                os.unlink(target)
        # The first file that it can read is one for everyone.
        Path(target).write_text("public")
        os.chmod(target, 0o644)
        assert reader.stdout.readline() == "public\n"


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_what_stands_in_the_way_is_not_written_into(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    """Staging and copying replace what is in their way and do not write into it, such as a link by the hub's account in its directory."""
    other = tmp_path / "other"
    other.write_text("theirs")
    change = FileChange(str(tmp_path / "main.py"), b"new")
    make(Path(change.staged), other)
    transaction.stage(change)
    assert other.read_text() == "theirs"
    make(tmp_path / "copy", other)
    transaction.copy(change.staged, str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == b"new"
    assert other.read_text() == "theirs"


def test_copy_is_like_the_file(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("text")
    (tmp_path / "one").chmod(0o640)
    os.utime(tmp_path / "one", (1, 2))
    transaction.copy(str(tmp_path / "one"), str(tmp_path / "other"))
    one, other = (os.stat(tmp_path / name) for name in ("one", "other"))
    assert (one.st_mode, one.st_uid, one.st_gid, one.st_mtime_ns) == (
        other.st_mode,
        other.st_uid,
        other.st_gid,
        other.st_mtime_ns,
    )
