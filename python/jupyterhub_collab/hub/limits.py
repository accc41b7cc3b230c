# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell whether the hub's spawner enforces limits on servers. Some spawners ignore them."""

from __future__ import annotations

from collections.abc import Iterable

# Modules of spawner classes that ignore limits -> what to do. A site's subclass, in a module of its own, may enforce them.
WITHOUT_LIMITS = {
    "jupyterhub.spawner": "use SystemdSpawner or a container spawner",
    "sudospawner.spawner": "use SystemdSpawner or a container spawner",
    "batchspawner.batchspawner": "request them from the scheduler (req_memory, req_nprocs)",
}


def problem(spawner: type, limits: Iterable[str]) -> str:
    """Return why these limits would have no effect with a spawner class, as one sentence; empty if the class may enforce them."""
    wanted = ", ".join(limits)
    way_out = WITHOUT_LIMITS.get(spawner.__module__)
    if not wanted or way_out is None:
        return ""
    return f"{spawner.__name__} does not enforce limits, so {wanted} would have no effect. Remove them, or {way_out}"
