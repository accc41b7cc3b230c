# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is stopped while its job is being submitted leaves no job."""

import asyncio
import logging
import sys
from types import ModuleType
from typing import Any

import pytest

from jupyterhub_collab.patches.hub import submissions
from jupyterhub_collab.patches.hub.submissions import withdraw_jobs

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Scheduler:
    """Accepts a job at once, and says so when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self.submitted = 0
        self.answers = asyncio.Event()


class Spawner:
    """Has what batchspawner's class has that matters here."""

    log = logging.getLogger()
    _log_name = "shared"

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler, self.job_id = scheduler, ""

    async def submit_batch_script(self) -> str:
        self.scheduler.submitted += 1
        job = str(self.scheduler.submitted)
        self.scheduler.jobs.append(job)
        await self.scheduler.answers.wait()
        self.job_id = job
        return job

    async def cancel_batch_job(self) -> None:
        if self.job_id not in self.scheduler.jobs:
            raise RuntimeError("Invalid job id specified")
        self.scheduler.jobs.remove(self.job_id)


@pytest.fixture
def spawner(monkeypatch: pytest.MonkeyPatch) -> Spawner:
    """A spawner of a hub that is about to start, for the second time in this process."""
    module: Any = ModuleType(submissions.MODULE)
    module.BatchSpawnerBase = type(
        "BatchSpawnerBase", (Spawner,), {"submit_batch_script": Spawner.submit_batch_script}
    )
    monkeypatch.setitem(sys.modules, submissions.MODULE, module)
    withdraw_jobs(None)
    withdraw_jobs(None)
    return module.BatchSpawnerBase(Scheduler())  # type: ignore[no-any-return]


async def stop_while_submitting(spawner: Spawner) -> None:
    start = asyncio.create_task(spawner.submit_batch_script())
    while not spawner.scheduler.jobs:
        await asyncio.sleep(0)
    start.cancel()
    with pytest.raises(RuntimeError, match="was stopped while its job was submitted"):
        await start


async def test_job_is_canceled_when_the_scheduler_has_accepted_it(spawner: Spawner) -> None:
    """Requirement 145: batchspawner would not know the job."""
    await stop_while_submitting(spawner)
    assert spawner.scheduler.jobs == ["1"]
    spawner.scheduler.answers.set()
    async with asyncio.timeout(5):
        while spawner.scheduler.jobs or spawner.job_id:
            await asyncio.sleep(0)


async def test_next_start_waits_for_that(spawner: Spawner) -> None:
    """Requirement 145: otherwise, the hub would take the canceled job for the new one."""
    await stop_while_submitting(spawner)
    again = asyncio.create_task(spawner.submit_batch_script())
    await asyncio.sleep(0.1)
    assert spawner.scheduler.submitted == 1
    spawner.scheduler.answers.set()
    assert await again == "2"
    assert (spawner.job_id, spawner.scheduler.jobs) == ("2", ["2"])


async def test_job_that_the_hub_has_canceled_is_no_error(spawner: Spawner) -> None:
    await stop_while_submitting(spawner)
    spawner.scheduler.jobs.clear()
    spawner.scheduler.answers.set()
    assert await asyncio.create_task(spawner.submit_batch_script()) == "2"


async def test_scheduler_that_is_silent(
    spawner: Spawner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The administrator is told."""
    monkeypatch.setattr(submissions, "PATIENCE", 0.1)
    await stop_while_submitting(spawner)
    async with asyncio.timeout(5):
        while "shared: the scheduler has not said whether it accepted a job" not in caplog.text:
            await asyncio.sleep(0.05)


async def test_start_that_nobody_stops(spawner: Spawner) -> None:
    spawner.scheduler.answers.set()
    assert await spawner.submit_batch_script() == "1"
    assert spawner.scheduler.jobs == ["1"]


def test_hub_without_batchspawner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, submissions.MODULE, raising=False)
    withdraw_jobs(None)
