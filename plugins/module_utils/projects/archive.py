# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archive directories before they are deleted. An archive is complete and verified, or it does not exist."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time

from ..host import transaction

PRIVATE = 0o700
CHANGED = 1  # tar's exit status if files have changed
# The name of a file in tar's messages, before the message itself.
NAME = re.compile(r"((?:[^\\:]|\\.)*): ")
ESCAPED = re.compile(r"\\([0-7]{3}|.)")
ESCAPES = {**dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True)), **{each: each for each in '\\: "'}}
CLOCK_SECONDS = 0.1  # tolerance for the kernel's timestamps of files, which advance in steps


class NotArchived(Exception):
    """The archive could not be created, so nothing must be deleted."""


def archive(directory: str, name: str, contents: list[tuple[str, str]]) -> str:
    """Write an archive, and return its path. Raises NotArchived.

    directory: where to write it, under a file name that begins with `name`. contents: pairs of a directory and a name in it. GNU tar
    reads them by file descriptors and follows no links, even if someone changes them.
    """
    path = os.path.join(directory, f"{name}-{time.strftime('%Y%m%dT%H%M%S')}.tar")
    temporary = os.path.join(directory, f".{name}.collab-new")
    named: dict[str, list[str]] = {}
    for place, each in contents:
        named.setdefault(place, []).append(f"./{each}")
    try:
        os.makedirs(directory, mode=PRIVATE, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        begun = time.time()
        # Run tar once per directory: it finds the target of a hard link by a path, which it looks up in one directory only.
        for action, (place, names) in zip(
            ("--create", *["--append"] * len(named)), named.items(), strict=False
        ):
            _tar(action, temporary, place, "--acls", *names)
        for place, names in named.items():
            _compare(temporary, place, names, begun)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.rename(temporary, path)
        transaction.sync_directory(directory)
    except OSError as error:
        raise NotArchived(f"failed to write {path}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    return path


def _compare(path: str, place: str, names: list[str], begun: float) -> None:
    """Raise NotArchived if the archive differs from the files on disk.

    Files that have changed since `begun`, the time in seconds since the epoch when the archive was started, are not an error. Otherwise,
    a user who has a file open, or has a hard link to it elsewhere, could prevent a project from being deleted.
    """
    for line in _tar("--compare", path, place, *names):
        found = NAME.match(line)
        try:
            name = os.path.join(os.fsencode(place), _unquoted(found[1]) if found else b"")
            changed = os.lstat(name).st_ctime
        except OSError:
            changed = 0
        if changed < begun - CLOCK_SECONDS:
            raise NotArchived(f"the archive {path} is incomplete: {line}")


def _unquoted(name: str) -> bytes:
    """Return the name of a file, from the escaped form in tar's messages."""
    plain = ESCAPED.sub(
        lambda found: chr(int(found[1], 8)) if len(found[1]) == 3 else ESCAPES.get(found[1], found[1]), name
    )
    return b"".join(each.encode("latin-1") if ord(each) < 256 else os.fsencode(each) for each in plain)


def _tar(action: str, path: str, place: str, *arguments: str) -> list[str]:
    """Run tar in a directory, and return its messages about files that have changed. Raises NotArchived for other errors."""
    done = subprocess.run(
        [
            *(
                "tar",
                action,
                f"--file={path}",
                "--one-file-system",
                "--numeric-owner",
                "--quoting-style=escape",
            ),
            *(f"--directory={place}", *arguments),
        ],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )
    said = [line for line in (*done.stdout.splitlines(), *done.stderr.splitlines()) if line.strip()]
    if done.returncode not in (0, CHANGED):
        raise NotArchived(f"the archive {path} is incomplete: {said[0] if said else 'tar failed'}")
    return said if done.returncode == CHANGED else []
