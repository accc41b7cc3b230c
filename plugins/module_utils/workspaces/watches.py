# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find processes that hold files of a workspace without having them open: in sockets, in io_uring, and through watches.

For sockets and io_uring, the kernel shows only the number of files, and not which ones.
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
RING = "anon_inode:[io_uring]"


def may_hide(process: int, groups: Collection[int], workspace: str) -> bool:
    """Return whether a process holds files that cannot be inspected, or watches files of a workspace, which would reveal their names.

    groups: the GIDs of the workspace's groups. workspace: the workspace's directory, or empty to ignore watches.
    """
    for path in glob.iglob(f"/proc/{process}/task/*/fdinfo/*"):
        with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
            said = file.read()
            if HIDDEN.search(said):
                return True
            watches = {(int(kind, 16), bytes.fromhex(handle)) for kind, handle in WATCH.findall(said)}
            if workspace and any(_group(workspace, *watch) in groups for watch in watches):
                return True
    # A process can use a ring whose descriptor it has closed, and so the files in it. On Linux 6.5 and newer, also without this mapping.
    for path in glob.iglob(f"/proc/{process}/map_files/*"):
        with contextlib.suppress(OSError):
            if os.readlink(path) == RING:
                return True
    return False


def _group(place: str, kind: int, handle: bytes) -> int | None:
    """Return the GID of the file that a file handle refers to, or None if it refers to nothing.

    place: a directory on the handle's file system. kind: the type of the handle.
    """
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
