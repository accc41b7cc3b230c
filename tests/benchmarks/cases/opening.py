# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how much later JupyterLab opens with the collection's extension than without it, and what the extension costs an idle page."""

import statistics
import subprocess
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks import Result, Stage
from benchmarks.lab_pages import (
    KINDS,
    LAUNCHER,
    NOTEBOOK,
    SETTLED_SECONDS,
    WITH,
    Idle,
    opened,
    visitor,
)
from benchmarks.server_kinds import ACCOUNT
from browser.lab import come
from browser.windows import chromium
from scenario import PASSWORDS, ROOT

ROUNDS, IDLE_ROUNDS, IDLE_SECONDS = 20, 3, 60
WARM_UP = 2
GOAL = 50.0  # milliseconds
EMPTY, FULL = CACHES = "empty cache", "full cache"
HOME, FILE = ROOT / "tests/browser/home", "Rain.ipynb"
# Each place has a workspace of its own, so that it opens as it was left.
PLACES = {LAUNCHER: "lab/workspaces/launcher", NOTEBOOK: f"lab/workspaces/notebook/tree/{FILE}"}
OPENS, WORK = "until it can be used, ms", "CPU of the page until then, ms"
CPU, REQUESTS = "idle, ms of CPU per s", "idle, requests per minute"
MORE = "more with it"
IDLE = "a notebook that two people have open"

Rows = dict[str, dict[str, list[float]]]


def measure(stage: Stage) -> Result:
    name = stage.platform.name
    subprocess.run(["podman", "cp", f"{HOME}/.", f"{name}:/home/{ACCOUNT}"], check=True)
    stage.host.check_output(f"chown -R {ACCOUNT}: /home/{ACCOUNT}")
    with chromium() as browser:
        cookies = {who: log_in(browser, stage, who) for who in ("alice", "bob")}
        address = f"{stage.hub.url}/user/{ACCOUNT}/"
        rows = openings(browser, cookies["alice"], address, stage.rounds or ROUNDS)
        rows |= idle(browser, cookies, address, min(stage.rounds or IDLE_ROUNDS, IDLE_ROUNDS))
    return Result(rows, reading(rows))


def log_in(browser: Browser, stage: Stage, who: str) -> Any:
    """Start the server if needed, and return the cookies of someone who has opened it."""
    context = browser.new_context()
    come(context.new_page(), f"{stage.hub.url}/hub/spawn/{ACCOUNT}", who, PASSWORDS[who])
    cookies = context.storage_state()
    context.close()
    return cookies


def openings(browser: Browser, cookies: Any, address: str, rounds: int) -> Rows:
    """Measure how long JupyterLab takes to open, in turns, in browsers that have never been there and in one that has."""
    rows: Rows = {}
    warm = {(place, kind): visitor(browser, cookies, kind, place) for place in PLACES for kind in KINDS}
    for index in range(-WARM_UP, rounds):
        for place, path in PLACES.items():
            for kind in KINDS if index % 2 == 0 else reversed(KINDS):
                for cache in CACHES:
                    new = cache == EMPTY
                    context = visitor(browser, cookies, kind, place) if new else warm[place, kind]
                    page, took, cpu = opened(context, address + path, kind)
                    page.close()
                    if new:
                        context.close()
                    if index >= 0:
                        seen = rows.setdefault(row(place, cache, kind), {OPENS: [], WORK: []})
                        seen[OPENS].append(took)
                        seen[WORK].append(cpu)
                    print(f"{index} {row(place, cache, kind)}: {took:.0f} ms, {cpu:.0f} of CPU", flush=True)
    for context in warm.values():
        context.close()
    for place in PLACES:
        for cache in CACHES:
            one, other = (rows[row(place, cache, kind)] for kind in KINDS)
            rows[row(place, cache, MORE)] = {
                column: [
                    with_it - without for with_it, without in zip(one[column], other[column], strict=True)
                ]
                for column in (OPENS, WORK)
            }
    return rows


def row(place: str, cache: str, kind: str) -> str:
    return f"{place}, {cache}: {kind}"


def idle(browser: Browser, cookies: dict[str, Any], address: str, rounds: int) -> Rows:
    """Measure what pages of both kinds cost at the same time, while another person has the same notebook open."""
    url = address + PLACES[NOTEBOOK]
    kinds = {"bob": WITH} | {kind: kind for kind in KINDS}
    contexts = {
        name: visitor(browser, cookies["bob" if name == "bob" else "alice"], kind, NOTEBOOK)
        for name, kind in kinds.items()
    }
    pages: dict[str, Page] = {name: opened(each, url, kinds[name])[0] for name, each in contexts.items()}
    rows: Rows = {f"{IDLE}, {kind}": {CPU: [], REQUESTS: []} for kind in KINDS}
    pages[WITH].wait_for_timeout(1000 * SETTLED_SECONDS)
    for index in range(rounds):
        measured = {kind: Idle(pages[kind]) for kind in KINDS}
        pages[WITH].wait_for_timeout(1000 * IDLE_SECONDS)
        for kind, each in measured.items():
            cpu, requests = each.cost
            print(f"{index} {kind}: {cpu:.2f} ms/s, {requests:.1f} requests/min", flush=True)
            rows[f"{IDLE}, {kind}"][CPU].append(cpu)
            rows[f"{IDLE}, {kind}"][REQUESTS].append(requests)
    for context in contexts.values():
        context.close()
    return rows


def reading(rows: Rows) -> str:
    later = {
        (place, cache): statistics.median(rows[row(place, cache, MORE)][OPENS])
        for place in PLACES
        for cache in CACHES
    }
    met = "within" if max(later.values()) <= GOAL else "above"
    cpu, cpu_without, asked, asked_without = (
        statistics.median(rows[f"{IDLE}, {kind}"][column]) for column in (CPU, REQUESTS) for kind in KINDS
    )
    return (
        f"With the extension, JupyterLab opens {later[LAUNCHER, EMPTY]:.0f} ms later in a browser that has never been there, and "
        f"{later[LAUNCHER, FULL]:.0f} ms later in one that has; a notebook, {later[NOTEBOOK, EMPTY]:.0f} and "
        f"{later[NOTEBOOK, FULL]:.0f} ms. That is {met} the goal of {GOAL:.0f} ms. While nothing happens, the page takes {cpu:.1f} ms "
        f"of CPU time a second and sends {asked:.1f} requests a minute; without the extension, {cpu_without:.1f} ms and "
        f"{asked_without:.1f}."
    )
