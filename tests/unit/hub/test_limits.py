# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that the spawner would ignore are refused before anything changes, and Slurm jobs request theirs."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from traitlets import Unicode
from traitlets.config import Config

from jupyterhub_collab.hub.jobs import is_slurm, request_limits
from jupyterhub_collab.hub.limits import Limit, problem

MEMORY, CPUS = Limit("jupyterhub_rtc_mem_limit", memory=True), Limit("jupyterhub_rtc_cpu_limit", cpus=2)


class OfTheSite(LocalProcessSpawner):
    """A spawner of the site's own, which may enforce limits."""


class TorqueSpawner(LocalProcessSpawner):
    __module__ = "batchspawner.batchspawner"


class SlurmSpawner(LocalProcessSpawner):
    """Has what batchspawner's class has that matters here."""

    __module__ = "batchspawner.batchspawner"
    batch_script = Unicode(
        "{% if memory %}#SBATCH --mem={{memory}}\n{% endif %}#SBATCH --cpus-per-task={{nprocs}}"
    ).tag(config=True)


class SlurmOfTheSite(SlurmSpawner):
    __module__ = "site_spawners"


@pytest.mark.parametrize("spawner", [LocalProcessSpawner, SimpleLocalProcessSpawner, TorqueSpawner])
def test_spawner_without_limits(spawner: type) -> None:
    said = problem(spawner, [MEMORY, CPUS])
    assert said.startswith(f"{spawner.__name__} does not enforce limits, so jupyterhub_rtc_mem_limit, ")
    assert ("req_memory" in said) == (spawner is TorqueSpawner)
    assert problem(spawner, []) == ""


def test_spawner_that_may_have_limits() -> None:
    assert problem(OfTheSite, [MEMORY]) == ""


@pytest.mark.parametrize("spawner", [SlurmSpawner, SlurmOfTheSite])
def test_slurm_jobs_can_have_limits(spawner: type) -> None:
    """Requirement 141: if the job's script can carry them."""
    assert is_slurm(spawner)
    assert problem(spawner, [MEMORY, CPUS], Config()) == ""
    for section in ("SlurmSpawner", spawner.__name__):
        script = Config({section: {"batch_script": "#SBATCH --cpus-per-task={nprocs}\n{cmd}"}})
        assert problem(spawner, [CPUS], script) == ""
        assert problem(spawner, [CPUS, MEMORY], script) == (
            f"jupyterhub_rtc_mem_limit cannot be in force for Slurm jobs: the batch_script of {spawner.__name__} does not request memory for "
            "its jobs. Add the line #SBATCH --mem={memory}"
        )


def test_part_of_a_cpu_is_refused() -> None:
    """Requirement 141: Slurm would round it."""
    assert "gives whole CPUs to a job, but the limit is 1.5" in problem(
        SlurmSpawner, [Limit("jupyterhub_rtc_cpu_limit", cpus=1.5)], Config()
    )


def started(options: dict[str, Any], *, memory: bool, cpus: bool) -> Any:
    spawner = SimpleNamespace(
        mem_limit=3 * 2**29,
        cpu_limit=2.0,
        req_memory="500M",
        req_nprocs="",
        user_options=options,
        _log_name="shared",
    )
    spawner.log = logging.getLogger("of-the-hub")
    request_limits(spawner, memory=memory, cpus=cpus)
    return spawner


def test_job_requests_the_limits_that_are_set() -> None:
    """Requirement 141: and keeps what the hub's configuration requests otherwise."""
    both = started({}, memory=True, cpus=True)
    assert (both.req_memory, both.req_nprocs) == ("1536M", "2")
    cpus = started({}, memory=False, cpus=True)
    assert (cpus.req_memory, cpus.req_nprocs) == ("500M", "2")


def test_options_of_a_start_change_no_limit() -> None:
    """Requirement 141: batchspawner would put them into the script, as they are."""
    options = {
        "memory": "9G",
        "nprocs": "9",
        "options": "--mem=9G",
        "partition": "main --mem=9G",
        "runtime": "1\n#SBATCH --mem=9G",
        "queue": ["--mem=9G", "-c9"],
        "account": "physics",
    }
    assert started(dict(options), memory=True, cpus=False).user_options == {"account": "physics"}
    assert started(dict(options), memory=False, cpus=False).user_options == options
