# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for garbage rarely while a server starts.

Python looks whenever some hundred objects were added, and a server that starts adds a million that stay. That was half of the time that
collaboration took at a start.
"""

from __future__ import annotations

import gc

# How many objects are added between two looks. A server that never gets further than this still looks for garbage.
RARELY = 50_000
_usual: list[tuple[int, int, int]] = []


def look_rarely() -> None:
    """From now on, look rarely. Jupyter may read a configuration, and so call this, more than once."""
    if not _usual:
        _usual.append(gc.get_threshold())
    gc.set_threshold(RARELY, *_usual[0][1:])


def look_as_usual() -> None:
    """Look as often as before. Without an earlier call of `look_rarely`, nothing changes."""
    if _usual:
        gc.set_threshold(*_usual.pop())
