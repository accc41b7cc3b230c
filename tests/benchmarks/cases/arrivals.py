# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what many people cost a server who come at once, or have pages open: as it is, and with a server that tells everyone everything."""

import asyncio
import statistics
from collections.abc import Callable
from dataclasses import replace

from benchmarks import Result, Stage
from benchmarks.arrivals import (
    ARRIVING,
    AS_BEFORE,
    BEFORE,
    CPU,
    LOST,
    MEMORY,
    MESSAGES,
    NOW,
    OPEN,
    PAGES,
    SENT,
    SHARE,
    STALL,
    Place,
    arrive,
    stay,
)
from benchmarks.cases.visitors import site
from benchmarks.idle_visitors import EVENTS, Site
from benchmarks.server_kinds import process
from people.sockets import Door
from scenario import kill_server

ROUNDS = 1  # of a quarter of an hour
OWNER = "alice"
CONFIG, MARK = "/etc/jupyter/jupyter_server_config.py", "/tmp/as-before"
MARKED = f'open("{MARK}", "w").close()\n'


def measure(stage: Stage) -> Result:
    rows: dict[str, dict[str, list[float]]] = {}
    on = site(stage)
    names = [f"arriving-{number}" for number in range(max(ARRIVING))]
    doors = on.visitors(names)

    def add(what: str, seen: dict[str, float]) -> None:
        for column, number in seen.items():
            rows.setdefault(what, {}).setdefault(column, []).append(number)
        print(f"{what}: {seen}", flush=True)

    for index in range(stage.rounds or ROUNDS):
        order = (NOW, BEFORE) if index % 2 == 0 else (BEFORE, NOW)
        for number in ARRIVING:
            for how in order:
                place = begin(stage, on, how, doors[0], names[:number])
                add(f"{number} come, told {how}", asyncio.run(arrive(place, doors[:number])))
        for number in OPEN:
            for how in order:
                place = begin(stage, on, how, doors[0], names[:number])
                rooms = [replace(door, url=door.url.replace(EVENTS, PAGES)) for door in doors[:number]]
                add(f"{number} pages open, told {how}", asyncio.run(stay(place, rooms)))
    return Result(rows, reading(rows))


def begin(stage: Stage, on: Site, how: str, door: Door, names: list[str]) -> Place:
    """Restart the server so that it tells people this, share it with them, and return where it is. door: of the first of them."""
    alice = stage.login(OWNER)
    kill_server(stage.host, OWNER)
    alice.stop(OWNER)  # which ends its shares
    stage.host.check_output("rm --force %s %s; mkdir --parents /etc/jupyter", CONFIG, MARK)
    if how == BEFORE:
        stage.host.check_output("printf %%s %s >%s", AS_BEFORE + MARKED, CONFIG)
    alice.open(OWNER)
    assert stage.host.file(MARK).exists == (how == BEFORE)
    for name in names:
        on.ask("POST", f"shares/{OWNER}/", {"user": name})
    return Place(on.server, process(stage, "singleuser", OWNER), dict(door.headers))


def reading(rows: dict[str, dict[str, list[float]]]) -> str:
    def median(what: str, column: str) -> Callable[[str], float]:
        return lambda how: statistics.median(rows[f"{what}, told {how}"][column])

    most, pages = f"{ARRIVING[-1]} come", f"{OPEN[-1]} pages open"
    memory, cpu, stall, sent, lost = (median(most, column) for column in (MEMORY, CPU, STALL, SENT, LOST))
    share, messages = median(pages, SHARE), median(pages, MESSAGES)
    return (
        f"When {ARRIVING[-1]} people come as fast as the server takes them, it sends {sent(NOW):.0f} MB about who is there, instead of "
        f"{sent(BEFORE):.0f} MB. Its memory grows by {memory(NOW):.0f} MB instead of {memory(BEFORE):.0f} MB, and it needs {cpu(NOW):.0f} s "
        f"of CPU time instead of {cpu(BEFORE):.0f} s. Nobody waits longer than {stall(NOW):.1f} s for an answer, instead of "
        f"{stall(BEFORE):.1f} s. {lost(NOW):.0f} people are disconnected, instead of {lost(BEFORE):.0f}. {OPEN[-1]} open pages that do "
        f"nothing cost {share(NOW):.0f} % of a core and {messages(NOW):.0f} messages a second, instead of {share(BEFORE):.0f} % and "
        f"{messages(BEFORE):.0f}."
    )
