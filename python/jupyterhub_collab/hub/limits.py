# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell whether the hub's spawner enforces limits on servers. Some spawners ignore them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import jobs

# Modules of spawner classes that ignore limits -> what to do. A site's subclass, in a module of its own, may enforce them.
WITHOUT_LIMITS = {
    "jupyterhub.spawner": "use SystemdSpawner or a container spawner",
    "sudospawner.spawner": "use SystemdSpawner or a container spawner",
    "batchspawner.batchspawner": "request them from the scheduler (req_memory, req_nprocs)",
}


@dataclass(frozen=True)
class Limit:
    """A limit that the fragments set.

    name: of the variable, or what has the limit. memory: whether it limits memory. cpus: the limit of CPUs, 0 for none.
    """

    name: str
    memory: bool = False
    cpus: float = 0


def problem(spawner: type, limits: Iterable[Limit], config: Any = None) -> str:
    """Return why these limits would have no effect with a spawner class, as one sentence; empty if the class may enforce them.

    config: the hub's configuration.
    """
    wanted = [*limits]
    if jobs.is_slurm(spawner):
        found = {each.name: jobs.problem(spawner, config or {}, each.memory, each.cpus) for each in wanted}
        return next(
            (f"{name} cannot be in force for Slurm jobs: {why}" for name, why in found.items() if why), ""
        )
    names = ", ".join(each.name for each in wanted)
    way_out = WITHOUT_LIMITS.get(spawner.__module__)
    if not names or way_out is None:
        return ""
    return f"{spawner.__name__} does not enforce limits, so {names} would have no effect. Remove them, or {way_out}"
