# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record for which hubs a node was prepared: several hubs can run their servers on it.

Each hub, by its name in the inventory, has the `package` that its servers read, and the `accounts` that were created for it.
"""

from __future__ import annotations

from typing import Any

from ..host import state as host_state


def all_served() -> dict[str, dict[str, Any]]:
    """Return what is recorded, by hub."""
    return host_state.recall(host_state.SERVED)


def record(hub: str, **what: Any) -> None:
    """Change what is recorded for a hub."""
    known = all_served()
    host_state.remember(host_state.SERVED, {**known, hub: {**known.get(hub, {}), **what}})


def forget(hub: str) -> None:
    """Delete the record of a hub."""
    known = all_served()
    known.pop(hub, None)
    host_state.remember(host_state.SERVED, known)


def others(hub: str) -> list[str]:
    """Return the other hubs that this node was prepared for."""
    return sorted({*all_served()} - {hub})
