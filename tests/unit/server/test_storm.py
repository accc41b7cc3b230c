# SPDX-License-Identifier: GPL-3.0-or-later
"""While users, programs and stops act on ten files of every type at once, no word is lost or doubled, and no byte changes needlessly.

This is the short form of tests/benchmarks/storm.py, which reports more. The rules are in tests/support/storm/judge.py.
"""

from pathlib import Path

import pytest

from storm.weather import Storm

pytestmark = pytest.mark.anyio
SECONDS = 15
SEED = 5


async def test_nothing_is_lost_in_a_storm(tmp_path: Path) -> None:
    told: list[str] = []
    storm = Storm(tmp_path / "storm", SEED, stops=1, tell=told.append)
    outcome = await storm.run(SECONDS)
    assert not told, "\n\n".join(told)
    assert outcome.stops and outcome.counted > 10 and all(outcome.programs.values())
