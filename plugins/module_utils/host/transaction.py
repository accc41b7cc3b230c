# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace several files in one transaction, with a journal on disk from which a later run can roll back an interrupted change.

The journal is written before the first file changes, and removed when the change has succeeded. If a process finds a
journal, the change that it describes was interrupted.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PRIVATE = 0o600


@dataclass
class FileChange:
    """The desired state of a file: its bytes, mode, owner and group."""

    path: str
    content: bytes | None  # None: delete the file
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    # Whether an existing file keeps its mode, owner and group, because it belongs to someone else.
    keeps_attributes: bool = False

    @property
    def is_made(self) -> bool:
        """Whether the file is already in its desired state."""
        if read(self.path) != self.content:
            return False
        if self.content is None or self.keeps_attributes:
            return True
        there = os.stat(self.path)
        return (stat.S_IMODE(there.st_mode), there.st_uid, there.st_gid) == (self.mode, self.uid, self.gid)

    @property
    def staged(self) -> str:
        """The path of the staged new content: a hidden file in the same directory, so that a rename replaces the file atomically."""
        return self._beside("new")

    @property
    def kept(self) -> str:
        """The path of the kept previous version: next to the file, so that a full disk cannot prevent a rollback."""
        return self._beside("old")

    def _beside(self, what: str) -> str:
        # Without the file's extension, because a hub may load all files in a directory that end in .py, hidden ones included.
        directory, name = os.path.split(self.path)
        return os.path.join(directory, f".{name}.collab-{what}")


def read(path: str) -> bytes | None:
    """Return the content of a file, or None if it does not exist."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _about(path: str) -> Iterator[None]:
    """Add the name of the file to errors. Those of operations on file descriptors lack it."""
    try:
        yield
    except OSError as error:
        error.filename = path
        raise


def sync_directory(path: str) -> None:
    """Make renames in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create(path: str) -> int:
    """Create a file that only its owner can read, replacing an existing one, and return its descriptor.

    The content may be confidential, and others may be able to write to the directory. So the file is always a new one: no other process
    has it open, and no link is followed.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)


def write(path: str, content: bytes, mode: int = PRIVATE) -> None:
    """Write a file atomically and durably: a crash leaves either the old content or the new."""
    temporary = f"{path}.collab-new"
    descriptor = create(temporary)
    with _about(path), os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_directory(os.path.dirname(path))


def copy(source: str, target: str, content: bytes | None = None) -> None:
    """Copy a file with its mode, times, extended attributes, owner and group. `content` replaces its content.

    Users who cannot read the original cannot read the copy at any time.
    """
    with open(source, "rb") as original, _about(target), os.fdopen(create(target), "wb") as file:
        file.write(original.read() if content is None else content)
        file.flush()
        there = os.fstat(original.fileno())
        _give(file.fileno(), original.fileno(), there)
        os.utime(file.fileno(), ns=(there.st_atime_ns, there.st_mtime_ns))


def _give(file: int, original: int | str, there: os.stat_result) -> None:
    """Set the owner, mode and extended attributes of an open file to those of another.

    Set the owner first, because changing it clears bits of the mode.
    """
    os.fchown(file, there.st_uid, there.st_gid)
    os.fchmod(file, stat.S_IMODE(there.st_mode))
    for name in os.listxattr(original):
        with contextlib.suppress(OSError):  # for example, only the kernel can set it
            os.setxattr(file, name, os.getxattr(original, name))


def is_closed(path: str) -> bool:
    """Return whether a path exists that its group or others cannot read or, if it is a directory, cannot traverse."""
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
        wanted = 0o055 if stat.S_ISDIR(mode) else 0o044
        return mode & wanted != wanted
    return False


def open_up(path: str) -> None:
    """Allow everyone to read what is at a path and, if it is a directory, to traverse it."""
    mode = os.stat(path).st_mode
    os.chmod(path, stat.S_IMODE(mode) | (0o055 if stat.S_ISDIR(mode) else 0o044))


def stage(change: FileChange) -> None:
    """Write the new content next to the file, with its final owner, group, mode and, if it keeps them, extended attributes."""
    if change.content is None:
        return
    with _about(change.path), os.fdopen(create(change.staged), "wb") as file:
        file.write(change.content)
        if change.keeps_attributes and os.path.exists(change.path):
            _give(file.fileno(), change.path, os.stat(change.path))
        else:
            os.fchown(file.fileno(), change.uid, change.gid)
            os.fchmod(file.fileno(), change.mode)
        file.flush()
        os.fsync(file.fileno())


def leftovers(directory: str) -> list[str]:
    """Return the temporary files that a killed process may have left in a directory while it staged or wrote files there."""
    patterns = (".*.collab-new*", ".*.collab-old*", "*.collab-new")
    return [path for pattern in patterns for path in glob.glob(f"{glob.escape(directory)}/{pattern}")]


def unstage(changes: list[FileChange]) -> None:
    """Remove the staged content of files that were not replaced."""
    for change in changes:
        if os.path.lexists(change.staged):
            os.unlink(change.staged)


class Journal:
    """The previous versions of files that are being changed, kept until the change has succeeded."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.path = os.path.join(directory, "journal.json")
        self.script = os.path.join(directory, "undo.sh")

    def exists(self) -> bool:
        return os.path.exists(self.path)

    def begin(self, changes: list[FileChange]) -> None:
        """Keep the files that will change, and write the journal. Call this before changing anything."""
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory, mode=0o700)
        entries: list[dict[str, Any]] = []
        for change in changes:
            kept = change.kept if os.path.exists(change.path) else None
            if kept:
                if os.path.lexists(kept):
                    os.unlink(kept)
                # A hard link takes no space and has all attributes of the file.
                os.link(change.path, kept)
            entries.append({"path": change.path, "kept": kept, "staged": change.staged})
        try:
            write(self.script, undo_script(entries).encode())
            write(self.path, json.dumps(entries).encode())
        except OSError:
            self._forget(entries)
            raise

    def undo(self) -> list[str]:
        """Restore the previous versions, and return the paths that this changed."""
        entries = json.loads(read(self.path) or b"[]")
        restored = []
        # Restore the files in reverse order, because the main file names the others.
        for entry in reversed(entries):
            path, kept = entry["path"], entry["kept"]
            if os.path.lexists(entry["staged"]):
                os.unlink(entry["staged"])
            if kept is None:
                if os.path.lexists(path):
                    os.unlink(path)
                    restored.append(path)
            elif os.path.lexists(kept):  # otherwise, it was already restored
                os.replace(kept, path)
                sync_directory(os.path.dirname(path))
                restored.append(path)
        return restored

    def end(self) -> None:
        """Delete the journal and the previous versions. Call this when the change or its rollback is complete."""
        entries = json.loads(read(self.path) or b"[]")
        if self.exists():
            os.unlink(self.path)
            sync_directory(self.directory)
        self._forget(entries)

    def _forget(self, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["kept"] and os.path.lexists(entry["kept"]):
                os.unlink(entry["kept"])
        shutil.rmtree(self.directory, ignore_errors=True)


def undo_script(entries: list[dict[str, Any]]) -> str:
    """Return a shell script that restores the files as `Journal.undo` does, for times when no code of this collection runs.

    It leaves staged files.
    """
    lines = []
    for entry in reversed(entries):
        path, kept = shlex.quote(entry["path"]), shlex.quote(entry["kept"] or "")
        lines.append(f"test ! -e {kept} || mv -fT {kept} {path}" if entry["kept"] else f"rm -f {path}")
    return "\n".join((*lines, ""))


def swap(changes: list[FileChange]) -> None:
    """Replace the files with the staged ones, in order, each with one rename."""
    for change in changes:
        if change.content is None:
            if os.path.lexists(change.path):
                os.unlink(change.path)
        else:
            os.replace(change.staged, change.path)
        sync_directory(os.path.dirname(change.path))
