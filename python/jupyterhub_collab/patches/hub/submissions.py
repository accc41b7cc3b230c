# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel a job whose server is stopped while the job is being submitted.

batchspawner kills the command that submits the job, which the scheduler may have accepted. It then knows no ID to cancel, so the job starts a
server that nobody reaches or stops, and that holds the document history of the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from ..releases import patches_hub

MODULE, CLASS = "batchspawner.batchspawner", "BatchSpawnerBase"
PATIENCE = 60  # seconds for the scheduler's answer
STOPPED = "The server was stopped while its job was submitted."


@patches_hub("jupyterhub.user:User.stop(self, server_name)")
def withdraw_jobs(_hub: Any) -> None:
    """Cancel such jobs of this hub's spawners, which are loaded. Again, or without batchspawner, this does nothing."""
    base = getattr(sys.modules.get(MODULE), CLASS, None)
    if base is None or hasattr(base.submit_batch_script, "withdraws"):
        return
    theirs = base.submit_batch_script
    withdrawn: WeakKeyDictionary[Any, asyncio.Task[None]] = WeakKeyDictionary()

    @wraps(theirs)
    async def submit_batch_script(spawner: Any) -> Any:
        if earlier := withdrawn.pop(spawner, None):
            # Both set the spawner's ID of the job.
            await asyncio.wait({earlier})
        submission = asyncio.ensure_future(theirs(spawner))
        try:
            return await asyncio.shield(submission)
        except asyncio.CancelledError:
            withdrawn[spawner] = asyncio.ensure_future(_withdraw(spawner, submission))
            # As batchspawner does when its command is killed, so that the hub cleans up.
            raise RuntimeError(STOPPED) from None

    submit_batch_script.withdraws = True  # type: ignore[attr-defined]
    base.submit_batch_script = submit_batch_script


async def _withdraw(spawner: Any, submission: asyncio.Future[Any]) -> None:
    await asyncio.wait({submission}, timeout=PATIENCE)
    if not submission.done():
        submission.cancel()
        spawner.log.error(
            "%s: the scheduler has not said whether it accepted a job. Look for it there", spawner._log_name
        )
        return
    if submission.exception() is None and spawner.job_id:
        with contextlib.suppress(RuntimeError):  # the job has ended, or the hub's own stop has canceled it
            await spawner.cancel_batch_job()
    spawner.job_id = ""
