# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process has of a share without having it open: files on their way through a socket or in a ring, and watches.

The kernel tells how many files those are, and not which.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import re
import struct
from collections.abc import Collection

HIDDEN = re.compile(r"^(?:scm_fds|UserFiles):\s*[1-9]", re.M)
WATCH = re.compile(r"^(?:inotify|fanotify) .*fhandle-type:(\w+) f_handle:(\w+)", re.M)
PATH_ONLY = 0o10000000


def may_hide(process: int, groups: Collection[int], share: str) -> bool:
    """Return whether a process has files where nobody can look into, or watches what is of a share: it would be told each name there."""
    for path in glob.iglob(f"/proc/{process}/task/*/fdinfo/*"):
        with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
            said = file.read()
            if HIDDEN.search(said):
                return True
            watches = {(int(kind, 16), bytes.fromhex(handle)) for kind, handle in WATCH.findall(said)}
            if share and any(_group(share, *watch) in groups for watch in watches):
                return True
    return False


def _group(place: str, kind: int, handle: bytes) -> int | None:
    """Return the group of what a handle of the file system means that a place is on; None where it means nothing there."""
    told = ctypes.create_string_buffer(struct.pack("=Ii", len(handle), kind) + handle, 8 + len(handle))
    with contextlib.suppress(OSError, AttributeError):  # a C library without it
        mount = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            found = ctypes.CDLL(None, use_errno=True).open_by_handle_at(mount, told, PATH_ONLY | os.O_CLOEXEC)
        finally:
            os.close(mount)
        if found >= 0:
            try:
                return os.fstat(found).st_gid
            finally:
                os.close(found)
    return None
