# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the playbook with the tasks of Utrecht University's role, and with the least that Ansible can do on a host.

Also measure which steps of the playbook take how long.
"""

import statistics
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from testinfra import get_host

from benchmarks import Result, Stage
from benchmarks.bar_chart import Bars
from benchmarks.timed_play import OURS, TimedPlay, seconds, timed_play
from people import Hub
from scenario import ROOT, Platform, ping, wait_until
from sharing import HUB_PYTHON

FIRST_ROUNDS, AGAIN_ROUNDS = 5, 10
PLAYS = {"ours": OURS, "Utrecht's way": str(ROOT / "tests/benchmarks/cases/utrecht.yml")}
WITH_UV = "ours, on a host with uv"
FIRST_PLAYS = {**PLAYS, WITH_UV: OURS}
# The unavoidable parts, measured alone.
PING, RESTART, LOAD = (
    "`ansible -m ping`",
    "restart of the hub, until it answers",
    "loading JupyterHub's code once",
)
COLUMNS = FIRST, AGAIN = ("first run, s", "nothing to change, s")
UNTIL_UP, ALONE = "first run, until the hub answers, s", "alone, s"
GOALS = {UNTIL_UP: 1.0, AGAIN: 0.3}
GOAL_PINGS = 2.5
POLL = 0.05  # seconds between two questions to a hub that restarts
SHOWN = 0.2  # seconds; shorter steps share one bar

Rows = dict[str, dict[str, list[float]]]


def measure(stage: Stage) -> Result:
    rows: Rows = {}
    steps: Rows = {}

    def note(row: str, column: str, measured: float, counts: bool) -> None:
        if counts:
            rows.setdefault(row, {}).setdefault(column, []).append(measured)

    def note_steps(done: TimedPlay, column: str, counts: bool) -> None:
        for step, took in done.steps.items():
            if counts:
                steps.setdefault(step, {}).setdefault(column, []).append(took)

    for index in range(-1, stage.rounds or FIRST_ROUNDS):
        for way in by_turns(FIRST_PLAYS, index):
            host = with_pip(stage.another("first"))
            if way == WITH_UV:
                install_uv(host)
            done, until_up = first_run(FIRST_PLAYS[way], host)
            assert done.play.changed > 0, done.play.output
            note(way, FIRST, done.seconds, index >= 0)
            note(way, UNTIL_UP, until_up, index >= 0)
            if way == "ours":
                note_steps(done, FIRST, index >= 0)
            print(f"{index} first run, {way}: {done.seconds:.1f} s", flush=True)

    hosts = {"ours": stage.platform, "Utrecht's way": with_pip(stage.another("utrecht"))}
    timed_play(PLAYS["Utrecht's way"], hosts["Utrecht's way"].name)
    for index in range(-1, stage.rounds or AGAIN_ROUNDS):
        for way in by_turns(PLAYS, index):
            done = timed_play(PLAYS[way], hosts[way].name)
            assert done.play.changed == 0, done.play.output
            note(way, AGAIN, done.seconds, index >= 0)
            if way == "ours":
                note_steps(done, AGAIN, index >= 0)
        note(PING, ALONE, seconds(lambda: ping(stage.platform.name)), index >= 0)
        note(RESTART, ALONE, seconds(lambda: restart(stage)), index >= 0)
        note(
            LOAD,
            ALONE,
            seconds(lambda: stage.host.check_output(f"{HUB_PYTHON} -c 'import jupyterhub.app'")),
            index >= 0,
        )
    add_ratios(rows)
    steps = main_steps(steps)
    shown = {f"ours: {step}": columns for step, columns in steps.items()}
    return Result(rows | shown, f"{reading(rows)} {longest(steps)}", {"playbook": chart(steps).svg()})


def by_turns(ways: Iterable[str], index: int) -> list[str]:
    """Return the ways, alternating which is first."""
    return list(ways) if index % 2 == 0 else list(ways)[::-1]


def with_pip(host: Platform) -> Platform:
    """Install on a host what Ansible's module `pip` needs and the image lacks: pip, and `packaging` for the system's Python."""
    inside = get_host(f"podman://{host.name}")
    inside.check_output(f"{HUB_PYTHON} -m ensurepip")
    inside.check_output(
        f"cp -r $({HUB_PYTHON} -c 'import packaging; print(*packaging.__path__)') "
        "$(/usr/bin/python3 -c 'import site; print(site.getsitepackages()[0])')"
    )
    return host


def install_uv(host: Platform) -> None:
    """Install uv on a host, which downloads it otherwise if it has to install packages."""
    get_host(f"podman://{host.name}").check_output(
        f"{HUB_PYTHON} -m pip install --quiet --target /opt/uv uv && ln -s /opt/uv/bin/uv /usr/local/bin/uv"
    )


def first_run(playbook: str, host: Platform) -> tuple[TimedPlay, float]:
    """Run a playbook, and return the run and the seconds until the hub has restarted and answers, before or after the run ends."""
    with Hub(f"http://{host.address}:8000") as hub, ThreadPoolExecutor() as beside:
        begin = time.perf_counter()
        ended = threading.Event()
        answered = beside.submit(last_start, hub, ended)
        try:
            done = timed_play(playbook, host.name)
        finally:
            ended.set()
        return done, answered.result() - begin


def last_start(hub: Hub, ended: threading.Event) -> float:
    """Return when the hub began to answer after it did not, in seconds of `time.perf_counter`. Waits until the run has ended."""
    since, was_up = 0.0, True
    while not (ended.is_set() and was_up):
        is_up = hub.is_up
        if is_up and not was_up:
            since = time.perf_counter()
        was_up = is_up
        time.sleep(POLL)
    assert since, "the hub has not restarted"
    return since


def restart(stage: Stage) -> None:
    stage.host.check_output("systemctl restart jupyterhub")
    wait_until(lambda: stage.hub.is_up, 60)


def add_ratios(rows: Rows) -> None:
    """Add the ratios of measurements from the same round."""
    ours, utrecht, least = rows["ours"], rows["Utrecht's way"], rows[PING]
    for way, columns in (("ours", (*COLUMNS, UNTIL_UP)), (WITH_UV, (FIRST, UNTIL_UP))):
        rows[f"{way} / Utrecht's way"] = {
            column: [one / other for one, other in zip(rows[way][column], utrecht[column], strict=True)]
            for column in columns
        }
    rows[f"ours / {PING}"] = {
        AGAIN: [one / other for one, other in zip(ours[AGAIN], least[ALONE], strict=True)]
    }


def reading(rows: Rows) -> str:
    def median(row: str, column: str) -> float:
        return statistics.median(rows[row][column])

    def beside(ratio: float, name: str, goal: float) -> str:
        judged = "within" if ratio <= goal else "above"
        return f"{ratio:.2f} times as long as {name} ({judged} the goal of {goal:g})"

    other = "Utrecht's way"
    first, up, again = (median(f"ours / {other}", column) for column in (FIRST, UNTIL_UP, AGAIN))
    with_uv = median(f"{WITH_UV} / {other}", UNTIL_UP)
    pings = median(f"ours / {PING}", AGAIN)
    return (
        f"In a first run, the hub answers after {beside(up, other, GOALS[UNTIL_UP])}, and on a host that has uv, "
        f"after {with_uv:.2f} times. The whole run, with all checks, takes {first:.2f} times as long. A run with nothing to change takes "
        f"{beside(again, other, GOALS[AGAIN])}, and {beside(pings, PING, GOAL_PINGS)}. "
        f"The hub takes {median(RESTART, ALONE):.1f} s to restart and answer, which Utrecht's way does not wait for. "
        f"Loading JupyterHub's code once takes {median(LOAD, ALONE):.1f} s."
    )


def main_steps(steps: Rows) -> Rows:
    """Return the long steps, and the sum of all others as one step."""
    few = f"all steps below {SHOWN} s, together"
    main: Rows = {}
    for step, columns in steps.items():
        name = step if max(map(statistics.median, columns.values())) >= SHOWN else few
        for column, measured in columns.items():
            before = main.setdefault(name, {}).get(column, [0.0] * len(measured))
            main[name][column] = [sum(both) for both in zip(before, measured, strict=True)]
    return {**{name: main[name] for name in main if name != few}, few: main[few]}


def longest(steps: Rows) -> str:
    """Name the longest steps of each kind of run."""

    def first(column: str) -> str:
        medians = {step: statistics.median(columns[column]) for step, columns in steps.items()}
        most = sorted(medians, key=lambda step: -medians[step])[:3]
        return "; ".join(f"{step} ({medians[step]:.1f} s)" for step in most)

    return " ".join(f"Longest steps, *{column.removesuffix(', s')}*: {first(column)}." for column in COLUMNS)


def chart(steps: Rows) -> Bars:
    kinds = {column: column.removesuffix(", s") for column in COLUMNS}
    medians = {
        step: {kinds[column]: statistics.median(measured) for column, measured in columns.items()}
        for step, columns in steps.items()
    }
    return Bars("seconds", list(kinds.values()), medians)
