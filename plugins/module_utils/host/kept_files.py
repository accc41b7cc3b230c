# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record for which hub files of removed accounts and projects are kept, because the users of another hub must not get them."""

from __future__ import annotations

import os

from . import state as host_state
from .systemd_unit import show

STATE = "numbers.json"  # in the state directory, also of `account_numbers`
KEPT_FOR = "kept_for"  # the unit of the hub, by path


def note(path: str, unit: str) -> None:
    """Record that the files at a path are kept for a hub."""
    _remember({**_all(), path: unit})


def forget(path: str) -> None:
    """Forget a path, because its files are in use again, or deleted."""
    known = _all()
    if known.pop(path, None):
        _remember(known)


def other_hub(path: str, unit: str) -> str:
    """Return the unit of another hub for which the files at a path are kept, or an empty string.

    A unit that no longer exists has been renamed or removed by the administrator, so its files may go to another hub.
    """
    other = _all().get(path, "")
    return (
        other
        if other and host_state.name_of(other) != unit and os.path.lexists(path) and show(other).exists
        else ""
    )


def _all() -> dict[str, str]:
    return dict(host_state.recall(STATE).get(KEPT_FOR, {}))


def _remember(kept: dict[str, str]) -> None:
    state = host_state.recall(STATE)
    state.pop(KEPT_FOR, None)
    host_state.remember(STATE, {**state, KEPT_FOR: kept} if kept else state)
