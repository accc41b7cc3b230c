# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of servers, which the hub hands to its spawner, and which some spawners do nothing with."""

from __future__ import annotations

from collections.abc import Iterable

# As their packages have them. What a site makes of one of these may have limits.
WITHOUT_LIMITS = {
    "jupyterhub.spawner": "use SystemdSpawner or a container spawner",
    "sudospawner.spawner": "use SystemdSpawner or a container spawner",
    "batchspawner.batchspawner": "request them from the scheduler (req_memory, req_nprocs)",
}


def problem(spawner: type, limits: Iterable[str]) -> str:
    """Return in one sentence why limits would be none with a class of spawners; empty where nothing is known against them."""
    wanted = ", ".join(limits)
    way_out = WITHOUT_LIMITS.get(spawner.__module__)
    if not wanted or way_out is None:
        return ""
    return f"{spawner.__name__} does not enforce limits, so {wanted} would have no effect. Remove them, or {way_out}"
