# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces files together, with a journal on disk from which any later run can undo a change that was cut off.

The journal is written before the first file changes and removed when the change has proven itself. A process that
finds a journal knows that nobody finished what it describes.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import stat
from dataclasses import dataclass
from typing import Any


@dataclass
class FileChange:
    """One file as it is to be: its bytes and, where it does not exist yet, its mode, owner and group."""

    path: str
    content: bytes | None  # None: the file is to be gone
    mode: int = 0o644
    uid: int = 0
    gid: int = 0

    @property
    def staged(self) -> str:
        """Where the new content waits: beside the file, hidden, so that a rename puts it in place at once."""
        directory, name = os.path.split(self.path)
        base, extension = os.path.splitext(name)
        return os.path.join(directory, f".{base}.collab-new{extension}")


def read(path: str) -> bytes | None:
    """Return a file's content; None where there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def sync_directory(path: str) -> None:
    """Make renames in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file so that it is either the old one or the new one, and durable."""
    temporary = f"{path}.collab-new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_directory(os.path.dirname(path))


def copy(source: str, target: str) -> None:
    """Copy a file with its mode, times, extended attributes, owner and group."""
    shutil.copy2(source, target)
    there = os.stat(source)
    os.chown(target, there.st_uid, there.st_gid)


def stage(change: FileChange) -> None:
    """Write the new content beside the file, with the attributes of the file that it will replace."""
    if change.content is None:
        return
    descriptor = os.open(change.staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(change.content)
        if os.path.exists(change.path):
            there = os.stat(change.path)
            os.fchown(file.fileno(), there.st_uid, there.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode))
            for name in os.listxattr(change.path):
                os.setxattr(file.fileno(), name, os.getxattr(change.path, name))
        else:
            os.fchown(file.fileno(), change.uid, change.gid)
            os.fchmod(file.fileno(), change.mode)
        file.flush()
        os.fsync(file.fileno())


def leftovers(directory: str) -> list[str]:
    """Return what a process that was killed may have left in a directory while it staged or wrote files there."""
    return [
        path for pattern in (".*.collab-new*", "*.collab-new") for path in glob.glob(f"{directory}/{pattern}")
    ]


def unstage(changes: list[FileChange]) -> None:
    """Remove what was staged and not put in place."""
    for change in changes:
        if os.path.lexists(change.staged):
            os.unlink(change.staged)


class Journal:
    """What stood in the place of the files that are being changed, kept until the change has proven itself."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.path = os.path.join(directory, "journal.json")

    def exists(self) -> bool:
        return os.path.exists(self.path)

    def begin(self, changes: list[FileChange]) -> None:
        """Keep the files that will change and write the journal; nothing has changed before it returns."""
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory, mode=0o700)
        entries: list[dict[str, Any]] = []
        for number, change in enumerate(changes):
            content = read(change.path)
            kept = None
            if content is not None:
                kept = os.path.join(self.directory, str(number))
                copy(change.path, kept)
            entries.append({"path": change.path, "kept": kept, "staged": change.staged})
        write(self.path, json.dumps(entries).encode())

    def undo(self) -> list[str]:
        """Put back what stood there, and return the paths that this changed."""
        entries = json.loads(read(self.path) or b"[]")
        restored = []
        # The last file in is the first one out: the main file names the others.
        for entry in reversed(entries):
            path, kept = entry["path"], entry["kept"]
            if os.path.lexists(entry["staged"]):
                os.unlink(entry["staged"])
            if kept is None:
                if os.path.lexists(path):
                    os.unlink(path)
                    restored.append(path)
            elif read(path) != read(kept):
                returning = f"{path}.collab-new"
                copy(kept, returning)
                os.replace(returning, path)
                sync_directory(os.path.dirname(path))
                restored.append(path)
        return restored

    def end(self) -> None:
        """Forget what was kept: the change, or its undoing, is complete."""
        if self.exists():
            os.unlink(self.path)
            sync_directory(self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)


def swap(changes: list[FileChange]) -> None:
    """Put the staged files in place, each by one rename, in their order."""
    for change in changes:
        if change.content is None:
            if os.path.lexists(change.path):
                os.unlink(change.path)
        else:
            os.replace(change.staged, change.path)
        sync_directory(os.path.dirname(change.path))
