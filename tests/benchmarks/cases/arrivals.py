# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what many people cost a server who come at once, or have pages open: as it is, and with a server that tells everyone everything."""

from benchmarks import Result, Stage
from benchmarks.arrivals import measure_here

ROUNDS = 1  # of ten minutes


def measure(stage: Stage) -> Result:
    """Measure with servers on this machine. The hub of the stage takes no part."""
    return measure_here(stage.rounds or ROUNDS)
