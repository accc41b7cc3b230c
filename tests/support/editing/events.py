# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to people who are editing together, and what is left of their work afterwards."""

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from scenario import ROOT, wait_until

from .crowd import Crowd, tokens, twice
from .site import HOME, OWNER, Answers, Site

PATIENCE = 30.0  # seconds until a tab that has not come back counts as away
PATIENCE_AGAIN = 10.0  # the same for events that are repeated many times
SETTLE = 15.0  # seconds until the file and all people must have the same content
LIMIT = 5.0  # seconds that people may have to wait
LOOSELY = 3  # tests fail only if a wait is this many times longer
NOTICES = "https://collab-jupyterhub.invalid/document/v1"  # jupyterhub_collab/server/notices.py
RESULTS = ROOT / ".cache/results/editing.json"


@dataclass
class Row:
    """What happened to people's work: a row of the table in docs/reference/reliability.md, or a part of one."""

    typed: int = 0  # tokens
    lost: int = 0  # tokens that another person had seen
    own_lost: int = 0  # tokens that only their author had seen, whose tab stayed open
    twice: int = 0  # tokens and cells that exist more than once
    differ: int = 0  # documents whose file finally differs from what people see
    away: int = 0  # tabs that have not come back
    back: float = 0.0  # seconds from the server's first answer until the last tab came back
    stop: float | None = None  # seconds that stopping took
    unsaved: float | None = None  # the longest time without new content in the file while people typed
    aside: int | None = (
        None  # tokens that were removed from the document, but are in another file that people can read
    )
    outside: int | None = None  # texts of other programs that are in no file
    told: list[str] = field(default_factory=list)  # notices that people got
    why: list[str] = field(default_factory=list)  # why tabs are away, and where lost tokens still are
    times: int = 1

    def add(self, other: "Row") -> None:
        """Add the results of another run of the same event."""
        for name in ("typed", "lost", "own_lost", "twice", "differ", "away", "times"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("aside", "outside"):
            if getattr(other, name) is not None:
                setattr(self, name, (getattr(self, name) or 0) + getattr(other, name))
        for name in ("back", "stop", "unsaved"):
            if getattr(other, name) is not None:
                setattr(self, name, max(getattr(self, name) or 0, getattr(other, name)))
        self.told = sorted({*self.told, *other.told})
        self.why = sorted({*self.why, *other.why})

    @property
    def plain(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if value not in (None, [])}


# A function that makes something happen on the site, returns when it is over, and adds its measurements to the row.
Event = Callable[[Site, Row], None]


def hub_restarts(site: Site, _row: Row) -> None:
    site.host.check_output("systemctl restart jupyterhub")
    wait_until(lambda: site.hub.is_up, 60)


def proxy_restarts(site: Site, _row: Row) -> None:
    site.host.check_output("systemctl restart jupyterhub-proxy")
    wait_until(lambda: site.hub.is_up, 60)


def server_is_stopped(site: Site, row: Row) -> None:
    row.stop = site.stop()
    site.start()


def server_is_killed(site: Site, _row: Row) -> None:
    kill(site)
    site.start()


def kill(site: Site) -> None:
    with killing(site) as now:
        now()


def hub_with_its_proxy_restarts(site: Site, name: str) -> Row:
    with hub_runs_proxy(site):
        return go_through(site, name, hub_restarts)


@contextmanager
def killing(site: Site) -> Iterator[Callable[[], None]]:
    """Yield a function that immediately kills all processes of the server with SIGKILL."""
    with site.at_once(f"kill -9 {' '.join(site.processes)}") as now:
        yield now


@contextmanager
def hub_runs_proxy(site: Site) -> Iterator[None]:
    """Have the hub start and stop the proxy during the block, as it does by default."""
    unit = "/etc/systemd/system/jupyterhub-proxy.service"
    start = site.host.check_output(f"sed -n 's/^ExecStart=//p' {unit}").partition(
        ".bin/configurable-http-proxy"
    )[0]
    command = f"{start}.bin/configurable-http-proxy".split()
    fragment = "/usr/local/etc/jupyter/jupyterhub_collab.d/95-proxy.py"
    lines = "\n".join(
        (
            "c.ConfigurableHTTPProxy.should_start = True",
            f"c.ConfigurableHTTPProxy.command = {command!r}",
        )
    )
    restart = "systemctl daemon-reload && systemctl restart jupyterhub"
    site.host.check_output(
        "systemctl stop jupyterhub-proxy && mv %s /root && echo %s >%s && " + restart, unit, lines, fragment
    )
    wait_until(lambda: site.hub.is_up, 60)
    try:
        yield
    finally:
        site.host.check_output(
            "systemctl stop jupyterhub && rm %s && mv /root/jupyterhub-proxy.service %s && " + restart,
            fragment,
            unit,
        )
        wait_until(lambda: site.hub.is_up, 60)


def go_through(site: Site, name: str, event: Event) -> Row:
    """Make the event happen while people type, let them type a little longer, and check the result."""
    row = Row()
    paths = site.make(name)
    crowd = site.crowd(paths)
    try:
        with crowd.typing():
            time.sleep(random.uniform(1, 2))
            with site.watched() as answers:
                event(site, row)
                come_back(site, crowd, row, answers, PATIENCE)
            time.sleep(1)
        look(site, crowd, paths, row)
    finally:
        crowd.close()
    return row


def come_back(site: Site, crowd: Crowd, row: Row, answers: Answers, patience: float) -> None:
    """Wait until all tabs are back, and record how long it took and which are still away."""
    crowd.wait_until_back(patience)
    # Only now, because a hub that has just started is still adding its servers to the proxy.
    answers.wait(patience)
    row.back = round(max(0.0, crowd.last_joined - max(answers.again, site.started)), 2)
    row.why = sorted({*crowd.away})
    row.away = len(crowd.away)


def look(site: Site, crowd: Crowd, paths: list[str], row: Row) -> None:
    """Wait until file and people have the same content, and count tokens that are typed, duplicated or lost."""
    deadline = time.monotonic() + SETTLE
    for path in paths:
        typed = crowd.typed[path]
        while True:
            # Compare again until they agree, because the file is written after people have the text.
            copies, file = crowd.copies(path), site.file(path)
            if (agree := all(copy == file for copy in copies)) or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        there = {token for _, source in file for token in tokens(source)}
        row.typed += typed.number
        row.lost += len(typed.seen - there)
        row.own_lost += len(typed.all - typed.seen - there)
        row.twice += len(twice([file, *copies]))
        row.differ += not agree
        if missing := (typed.seen | typed.all) - there:
            had = [{token for _, source in copy for token in tokens(source)} for copy in copies]
            few, many = (sum(token in copy for token in missing for copy in had), len(missing) * len(had))
            row.why.append(f"{path}: {len(missing)} not in the file, {few} of {many} with people")
        # Do not count lost tokens again after the next event.
        typed.all, typed.seen, typed.number = set(there), set(there), 0


# Written from outside


def write_outside(site: Site, name: str, *, older: bool) -> Row:
    """Have a program on the host write both files while people type. Text that it removes may be kept in another file."""
    row = Row(aside=0, outside=0)
    paths = site.make(name)
    program = site.copy_in("write_outside.py")
    crowd = site.crowd(paths)
    try:
        typed = {path: crowd.typed[path] for path in paths}
        for path in paths:
            site.host.check_output(f"cp {HOME}/{path} /tmp/{path}.before")
        with site.anyone.open(OWNER).events() as told, crowd.typing():
            time.sleep(random.uniform(1, 2))
            for number, path in enumerate(paths):
                before = f"/tmp/{path}.before" if older else ""
                command = f"python3 {program} {HOME}/{path} '<out{number}>' {before}"
                site.host.check_output("runuser -u %s -- sh -c %s", OWNER, command)
                time.sleep(2)
        # JupyterLab shows only events with this schema to people.
        row.told = sorted({event["message"] for event in told if event["schema_id"] == NOTICES})
        # Tokens are lost only if they are in none of the files that people can read.
        before_look = {path: (set(typed[path].all), set(typed[path].seen)) for path in paths}
        look(site, crowd, paths, row)
        row.lost = row.own_lost = 0
        elsewhere = site.readable_elsewhere(paths)
        for number, path in enumerate(paths):
            there = {token for _, source in site.file(path) for token in tokens(source)}
            everything, seen = before_look[path]
            row.lost += len(seen - there - elsewhere)
            row.own_lost += len(everything - seen - there - elsewhere)
            row.aside = (row.aside or 0) + len((everything - there) & elsewhere)
            row.outside = (row.outside or 0) + (f"<out{number}>" not in there | elsewhere)
    finally:
        crowd.close()
    return row


# Typing without a pause


def nobody_pauses(site: Site, name: str, seconds: float) -> Row:
    """Have ten people type without a pause for this long, and watch how often the file is saved."""
    row = Row(unsaved=0.0)
    paths = site.make(name)
    program = site.copy_in("watch_saves.py")
    crowd = site.crowd(paths)
    try:
        with crowd.typing():
            watchers = [
                subprocess.Popen(
                    [
                        "podman",
                        "exec",
                        site.platform.name,
                        "python3",
                        program,
                        f"{HOME}/{path}",
                        str(seconds),
                    ],
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for path in paths
            ]
            told = [watcher.communicate()[0] for watcher in watchers]
        for output in told:
            row.unsaved = max(
                row.unsaved or 0, longest_pause([json.loads(line) for line in output.splitlines()])
            )
        look(site, crowd, paths, row)
    finally:
        crowd.close()
    return row


def longest_pause(looks: list[tuple[float, int]]) -> float:
    """Return the longest time without new content in a file. `looks` are samples of [seconds, number of tokens]."""
    longest, since, number = 0.0, looks[0][0], looks[0][1]
    for at, found in looks:
        longest = max(longest, at - since)
        if found != number:
            since, number = at, found
    return round(longest, 1)


# Killed, again and again


def kill_again(site: Site, name: str, times: int, *, tabs_stay: bool) -> Row:
    """Kill the server repeatedly at random moments while people type, and if not `tabs_stay`, all browsers with it."""
    rows: list[Row] = []
    paths = site.make(name)
    crowd = site.crowd(paths)
    try:
        for _ in range(times):
            row = Row()
            with crowd.typing(), site.watched() as answers:
                with killing(site) as now:
                    time.sleep(random.uniform(0.3, 2))
                    now()
                    if not tabs_stay:
                        crowd.vanish()
                site.start()
                if tabs_stay:
                    come_back(site, crowd, row, answers, PATIENCE_AGAIN)
            if not tabs_stay:
                crowd = site.crowd(paths, before=crowd)
            look(site, crowd, paths, row)
            if row.away:
                crowd.close()
                crowd = site.crowd(paths)
            rows.append(row)
    finally:
        crowd.close()
    return together(rows)


def again(site: Site, name: str, case: "Case", times: int) -> Row:
    """Run the same several times, with new documents each time, and return the combined row."""
    return together([case(site, f"{name}-{number}") for number in range(times)])


def together(rows: list[Row]) -> Row:
    total, *others = rows
    for row in others:
        total.add(row)
    return total


# All of it

Case = Callable[[Site, str], Row]  # runs something with documents of this name


def cases(*, rounds: int, kills: int, seconds: float) -> dict[str, Case]:
    """Return everything that happens to people, by its name in the table.

    Args:
        rounds: how often each event happens.
        kills: how often the server is killed at a random moment.
        seconds: how long people type without a pause.
    """
    stay, gone = kills // 2, kills - kills // 2
    each: dict[str, Case] = {
        "the hub restarts, and the proxy runs as a separate service": partial(go_through, event=hub_restarts),
        "the hub and the proxy restart together": hub_with_its_proxy_restarts,
        "the proxy restarts": partial(go_through, event=proxy_restarts),
        "the server is stopped and started": partial(go_through, event=server_is_stopped),
        "the server is killed and started": partial(go_through, event=server_is_killed),
        "a script writes to the open file": partial(write_outside, older=False),
        "`git checkout` restores an older version of the open file": partial(write_outside, older=True),
        "everyone types without a pause": partial(nobody_pauses, seconds=seconds),
    }
    several: dict[str, Case] = {name: partial(again, case=case, times=rounds) for name, case in each.items()}
    return several | {
        "the server is killed at a random moment": partial(kill_again, times=stay, tabs_stay=True),
        "the server and all browsers are killed at a random moment": partial(
            kill_again, times=gone, tabs_stay=False
        ),
    }


def problems(row: Row) -> list[str]:
    """Return where a row does not meet the promises. Limits of times are generous, because test machines are busy."""
    counts = ("lost", "own_lost", "twice", "differ", "away", "outside")
    times = ("back", "stop", "unsaved")
    found = [f"{name}: {number}" for name in counts if (number := getattr(row, name))]
    found += [
        f"{name}: {took} s" for name in times if (took := getattr(row, name)) and took > LOOSELY * LIMIT
    ]
    if row.aside and not row.told:
        found.append("people were not notified about the other file")
    return found


def keep(section: str, entries: dict[str, Any]) -> None:
    """Save rows in a section: `before` (without the collection), `after` (with it), or `short` (the short form in tests)."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept.setdefault(section, {}).update(entries)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
