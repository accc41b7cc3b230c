# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what idle visitors of a server cost the hub, and how soon a revocation takes effect: as it is, and with servers that ask as before."""

import asyncio
import statistics
from functools import partial

from benchmarks import Result, Stage
from benchmarks.idle_visitors import ASKED, CPU, PUSHED, SILENT, SOON, VISITORS, Site
from benchmarks.idle_visitors import measure as visit
from benchmarks.server_kinds import process
from benchmarks.typing_crowd import cpu_of
from scenario import wait_until
from sharing import begin

ROUNDS = 1  # of nine minutes
GOAL = 2.0  # percent of a core, for the most visitors
CONFIG = "/usr/local/etc/jupyter/jupyterhub_config.py"
HUB = "jupyterhub --config"
SCOPES = ["admin:users", "tokens", "shares"]


def measure(stage: Stage) -> Result:
    rows: dict[str, dict[str, list[float]]] = {}
    for index in range(stage.rounds or ROUNDS):
        for how in (PUSHED, ASKED) if index % 2 == 0 else (ASKED, PUSHED):
            with_hub(stage, how)
            for number in VISITORS:
                seen = asyncio.run(visit(site(stage), number))
                row = rows.setdefault(f"{number} visitors, {how}", {CPU: [], SOON: []})
                row[CPU].append(seen.cpu)
                row[SOON] += seen.revocations
                print(f"{index} {number} {how}: {seen}", flush=True)
    return Result(rows, reading(rows))


def with_hub(stage: Stage, how: str) -> None:
    """Restart the hub as it is, or as one that tells servers nothing."""
    stage.host.check_output(f"cp --no-clobber {CONFIG} {CONFIG}.before")
    stage.host.check_output(f"cp {CONFIG}.before {CONFIG}")
    if how == ASKED:
        stage.host.check_output(f"printf %%s %s >>{CONFIG}", SILENT)
    stage.host.check_output("systemctl restart jupyterhub")
    wait_until(lambda: stage.hub.is_up, 120)


def site(stage: Stage) -> Site:
    alice, carol = stage.login("alice"), stage.login("carol")
    begin(alice)
    address = f"http://{stage.platform.address}:8000"
    cpu = partial(cpu_of, process(stage, HUB))
    return Site(
        f"{address}/hub/api",
        carol.token(SCOPES),
        "alice",
        f"{address}/user/alice",
        cpu,
        stage.have_accounts,
    )


def reading(rows: dict[str, dict[str, list[float]]]) -> str:
    def median(how: str, column: str) -> float:
        return statistics.median(rows[f"{VISITORS[-1]} visitors, {how}"][column])

    pushed, asked = median(PUSHED, CPU), median(ASKED, CPU)
    return (
        f"{VISITORS[-1]} idle visitors cost the hub {pushed:.1f} % of a core, {'within' if pushed <= GOAL else 'above'} the goal of "
        f"{GOAL:.0f} %; with servers that ask every five seconds, {asked:.1f} %. Half of all revocations take effect within "
        f"{median(PUSHED, SOON):.2f} s, instead of {median(ASKED, SOON):.1f} s."
    )
