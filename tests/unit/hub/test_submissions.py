# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is stopped while its job is being submitted leaves no job."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batchspawner.batchspawner import BatchSpawnerBase

from jupyterhub_collab.patches.hub import submissions
from jupyterhub_collab.patches.hub.submissions import withdraw_jobs
from local_hub import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# A scheduler accepts a job at once, and says so when it is told to.
SUBMIT = """
number=$(($(cat submitted) + 1))
echo "$number" >submitted
touch "jobs/$number"
until [ -e answers ]; do sleep 0.02; done
echo "$number"
"""
CANCEL = 'rm "jobs/$1"\n'


class Spawner(BatchSpawnerBase):
    """batchspawner's own, for a scheduler of two scripts, and without a hub."""

    batch_script = exec_prefix = ""
    batch_submit_cmd, batch_cancel_cmd = "cd {place} && sh submit", "cd {place} && sh cancel {job_id}"
    _log_name = "shared"

    def __init__(self, place: Path) -> None:
        super().__init__()
        self.place = place
        (place / "jobs").mkdir()
        for name, text in {"submit": SUBMIT, "cancel": CANCEL, "submitted": "0\n"}.items():
            (place / name).write_text(text)

    def get_req_subvars(self) -> dict[str, Any]:
        return {"place": self.place}

    def cmd_formatted_for_batch(self) -> str:
        return ""

    def get_env(self) -> dict[str, str]:
        return dict(os.environ)

    def parse_job_id(self, output: str) -> str:
        return output

    @property
    def jobs(self) -> list[str]:
        return sorted(path.name for path in (self.place / "jobs").iterdir())

    def answer(self) -> None:
        (self.place / "answers").touch()


@pytest.fixture
def spawner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spawner]:
    """A spawner of a hub that is about to start, for the second time in this process."""
    monkeypatch.setattr(BatchSpawnerBase, "submit_batch_script", BatchSpawnerBase.submit_batch_script)
    withdraw_jobs(None)
    withdraw_jobs(None)
    spawner = Spawner(tmp_path)
    yield spawner
    spawner.answer()  # so that its scripts end


async def stop_while_submitting(spawner: Spawner) -> None:
    start = asyncio.create_task(spawner.submit_batch_script())
    while not spawner.jobs:
        await asyncio.sleep(0.01)
    start.cancel()
    with pytest.raises(RuntimeError, match="was stopped while its job was submitted"):
        await start


async def test_job_is_canceled_when_the_scheduler_has_accepted_it(spawner: Spawner) -> None:
    """Requirement 145: batchspawner would not know the job."""
    await stop_while_submitting(spawner)
    assert spawner.jobs == ["1"]
    spawner.answer()
    async with asyncio.timeout(PATIENCE):
        while spawner.jobs or spawner.job_id:
            await asyncio.sleep(0.01)


async def test_next_start_waits_for_that(spawner: Spawner) -> None:
    """Requirement 145: otherwise, the hub would take the canceled job for the new one."""
    await stop_while_submitting(spawner)
    again = asyncio.create_task(spawner.submit_batch_script())
    await asyncio.sleep(0.5)
    assert spawner.jobs == ["1"]
    spawner.answer()
    assert await again == "2"
    assert (spawner.job_id, spawner.jobs) == ("2", ["2"])


async def test_job_that_the_hub_has_canceled_is_no_error(spawner: Spawner) -> None:
    await stop_while_submitting(spawner)
    (spawner.place / "jobs/1").unlink()
    spawner.answer()
    assert await asyncio.create_task(spawner.submit_batch_script()) == "2"


async def test_scheduler_that_is_silent(
    spawner: Spawner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The administrator is told."""
    others = asyncio.all_tasks()
    monkeypatch.setattr(submissions, "PATIENCE", 0.1)
    await stop_while_submitting(spawner)
    async with asyncio.timeout(PATIENCE):
        while "shared: the scheduler has not said whether it accepted a job" not in caplog.text:
            await asyncio.sleep(0.05)
    spawner.answer()
    await asyncio.gather(
        *asyncio.all_tasks() - others, return_exceptions=True
    )  # batchspawner ends its command


async def test_start_that_nobody_stops(spawner: Spawner) -> None:
    spawner.answer()
    assert await spawner.submit_batch_script() == "1"
    assert spawner.jobs == ["1"]


def test_hub_without_batchspawner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, submissions.MODULE, raising=False)
    withdraw_jobs(None)
