# SPDX-License-Identifier: GPL-3.0-or-later
"""Give servers that are Slurm jobs their limits, and keep Slurm from starting them again behind the hub's back."""

from __future__ import annotations

import math
import re
from typing import Any

from traitlets import TraitType

# The class of batchspawner, or one that a site has derived from it.
SLURM = "SlurmSpawner"
MODULES = re.compile(r"batchspawner(\.|$)")
# sbatch takes options from these variables, which come before those in the script.
NO_REQUEUE = "SBATCH_NO_REQUEUE"
MEGABYTE = 2**20
# By the trait that requests them: the field of the script, and what to add to a script without it.
FIELDS = {
    "req_memory": ("memory", "#SBATCH --mem={memory}"),
    "req_nprocs": ("nprocs", "#SBATCH --cpus-per-task={nprocs}"),
}
# Options of a start that request resources, or any option of sbatch.
OWN = {"memory", "nprocs", "ngpus", "options"}


def is_slurm(spawner: type) -> bool:
    """Return whether a spawner class starts servers as Slurm jobs."""
    return any(each.__name__ == SLURM and MODULES.match(each.__module__) for each in spawner.__mro__)


def request_limits(spawner: Any, *, memory: bool, cpus: bool) -> None:
    """Make a job request what the spawner's limits say, because batchspawner ignores them.

    Slurm's unit of memory is the megabyte (2**20 bytes), and it gives whole CPUs to a job. batchspawner lets options of the user who starts
    a server replace any part of its script. Options that could carry a request of their own are dropped.

    memory, cpus: which of the limits to request.
    """
    if memory:
        spawner.req_memory = f"{max(1, spawner.mem_limit // MEGABYTE)}M"
    if cpus:
        spawner.req_nprocs = str(max(1, int(spawner.cpu_limit)))
    if not (memory or cpus):
        return
    given = spawner.user_options or {}
    kept = {
        name: value for name, value in given.items() if name not in OWN and not re.search(r"\s", str(value))
    }
    if dropped := sorted({*given} - {*kept}):
        spawner.log.warning(
            "%s has limits, so these options of its start are ignored: %s",
            spawner._log_name,
            ", ".join(dropped),
        )
        spawner.user_options = kept


def problem(spawner: type, config: Any, memory: bool, cpus: float) -> str:
    """Return why jobs would not get limits, as one sentence; empty if they do.

    memory: whether memory is limited. cpus: the limit of CPUs, 0 for none.
    """
    if cpus and not math.isclose(cpus, round(cpus)):
        return f"Slurm gives whole CPUs to a job, but the limit is {cpus:g}. Set it to a whole number"
    for trait, wanted in (("req_memory", memory), ("req_nprocs", bool(cpus))):
        name, line = FIELDS[trait]
        if wanted and not re.search(rf"\b{name}\b", _script(spawner, config)):
            return f"the batch_script of {spawner.__name__} does not request {name} for its jobs. Add the line {line}"
    return ""


def _script(spawner: type, config: Any) -> str:
    """Return the template of the job's script: as configured, in the section of the class that counts most, or the default."""
    for each in spawner.__mro__:
        section = config.get(each.__name__, {})
        if isinstance(text := section.get("batch_script"), str):
            return text
    trait = getattr(spawner, "batch_script", None)
    return str(trait.default_value) if isinstance(trait, TraitType) else ""
