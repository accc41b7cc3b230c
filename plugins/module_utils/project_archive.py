# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of what is deleted: whole and proven, or not there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time

from . import transaction

PRIVATE = 0o700


class NotArchived(Exception):
    """There is no archive, and so nothing must be deleted."""


def archive(directory: str, name: str, contents: list[tuple[str, str]]) -> str:
    """Write an archive and return its path. Raises NotArchived.

    contents: pairs of a directory and a name in it. GNU tar reads them by descriptors and follows no link, whoever changes them.
    """
    path = os.path.join(directory, f"{name}-{time.strftime('%Y%m%dT%H%M%S')}.tar")
    temporary = os.path.join(directory, f".{name}.collab-new")
    named = [word for place, each in contents for word in (f"--directory={place}", f"./{each}")]
    try:
        os.makedirs(directory, mode=PRIVATE, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _tar("--create", temporary, "--acls", "--numeric-owner", *named)
        _tar("--compare", temporary, *named)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.rename(temporary, path)
        transaction.sync_directory(directory)
    except OSError as error:
        raise NotArchived(f"{path} could not be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    return path


def _tar(action: str, path: str, *arguments: str) -> None:
    done = subprocess.run(
        ["tar", action, f"--file={path}", "--one-file-system", *arguments],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotArchived(
            f"{path} is not the whole of what was to be archived: {said[0] if said else 'tar failed'}"
        )
