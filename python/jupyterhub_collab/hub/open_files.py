# SPDX-License-Identifier: GPL-3.0-or-later
"""How many connections this hub can keep open: half of the files that it may have open, so that it can always answer requests, too.

Systemd and most shells start programs with a soft limit of 1024 open files, and with a hard limit to which they may raise it. A hub with that
many servers would answer nobody.
"""

from __future__ import annotations

import resource
import sys

SHARE = 2  # one file of so many is for these connections


def has_room(connections: int) -> bool:
    """Return whether one more can be kept open, in addition to so many. Raise the soft limit if necessary, and not before: servers inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = SHARE * (connections + 1)
    if needed <= _files(soft):
        return True
    if needed > _files(hard):
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2 * needed, _files(hard)), hard))
    return True


def _files(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
