# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how long the hub does not answer during a change by the playbook and during a bare restart, and the effect on open documents."""

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks import Result, Stage
from people import Document
from scenario import play, wait_until

ACCOUNT = "shared"
ROUNDS = 6
POLL = 0.02  # seconds
PACE = 0.1  # seconds between two typed words
AFTER = 1.0  # seconds to continue observing after the hub is back
GOAL = 1.1
CHANGE, RESTART = "playbook that changes a setting", "bare `systemctl restart`"
RATIO = "playbook / bare restart"
WITHOUT, TYPED = "without an answer, s", "words typed in the meantime"
HARM = ("words that did not arrive", "websockets dropped", "servers ended")

Rows = dict[str, dict[str, list[float]]]


class Watch(threading.Thread):
    """Request the hub's API through the proxy every `POLL` seconds, and record the longest time between two answers."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0
        self._address = address
        self._enough = threading.Event()

    def run(self) -> None:
        answered = time.perf_counter()
        while not self._enough.is_set():
            if self._asked():
                self.longest = max(self.longest, time.perf_counter() - answered)
                answered = time.perf_counter()
            time.sleep(POLL)

    def _asked(self) -> bool:
        proxy = http.client.HTTPConnection(self._address, 8000, timeout=60)
        try:
            proxy.request("GET", "/hub/api/")
            return proxy.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            proxy.close()

    def stop(self) -> float:
        self._enough.set()
        self.join()
        return self.longest


def measure(stage: Stage) -> Result:
    rows: Rows = {CHANGE: {}, RESTART: {}}
    alice, bob = (stage.login(name) for name in ("alice", "bob"))
    server = alice.open(ACCOUNT)
    server.write_file("downtime.txt")
    with server.document("downtime.txt") as hers, bob.visit(ACCOUNT).document("downtime.txt") as his:
        for index in range(-1, stage.rounds or ROUNDS):
            ways = {CHANGE: changing(stage, index % 2 == 0), RESTART: restarting(stage)}
            for way in ways if index % 2 == 0 else reversed(ways):
                measured = observed(stage, hers, his, ways[way], f"{way[0]}{index + 1}")
                print(f"{index} {way}: {measured}", flush=True)
                for column, number in measured.items() if index >= 0 else ():
                    rows[way].setdefault(column, []).append(number)
    pairs = zip(rows[CHANGE][WITHOUT], rows[RESTART][WITHOUT], strict=True)
    rows[RATIO] = {WITHOUT: [ours / bare for ours, bare in pairs]}
    return Result(rows, reading(rows))


def changing(stage: Stage, shares: bool) -> Callable[[], None]:
    """Return a function that runs the playbook with a changed setting: whether users share their servers by default."""

    def change() -> None:
        done = play("jupyter_rtc", stage.platform.name, jupyter_rtc_user_sharing=shares)
        assert done.code == 0 and done.changed > 0, done.output

    return change


def restarting(stage: Stage) -> Callable[[], None]:
    return lambda: stage.host.check_output("systemctl restart jupyterhub")


def observed(
    stage: Stage, hers: Document, his: Document, work: Callable[[], None], word: str
) -> dict[str, float]:
    """Restart the hub with `work` while one of two people types, and return the measurements by column."""
    server = stage.host.check_output(f"pgrep --uid {ACCOUNT} --full singleuser")
    hub = "systemctl show jupyterhub --property=InvocationID --value"
    before = stage.host.check_output(hub)
    watch = Watch(stage.platform.address)
    watch.start()
    with typing(hers, word) as typed:
        work()
        assert stage.host.check_output(hub) != before
        wait_until(lambda: stage.hub.is_up, 60)
        time.sleep(AFTER)
    missing = lost(stage, his, typed)
    after = stage.host.run(f"pgrep --uid {ACCOUNT} --full singleuser").stdout.strip()
    dropped = sum(document.closed_by_server is not None for document in (hers, his))
    return {
        WITHOUT: watch.stop(),
        TYPED: len(typed),
        **dict(zip(HARM, (missing, dropped, int(server != after)), strict=True)),
    }


@contextmanager
def typing(document: Document, word: str) -> Iterator[list[str]]:
    """Type unique words into a document in a thread, and yield the list of words typed so far."""
    typed: list[str] = []
    enough = threading.Event()

    def work() -> None:
        while not enough.wait(PACE):
            document.append(f"<{word}-{len(typed)}>")
            typed.append(f"<{word}-{len(typed)}>")

    typist = threading.Thread(target=work, daemon=True)
    typist.start()
    try:
        yield typed
    finally:
        enough.set()
        typist.join()


def lost(stage: Stage, document: Document, words: list[str]) -> int:
    """Return how many of the words are missing from another person's copy or from the file after some seconds."""
    file = stage.host.file(f"/home/{ACCOUNT}/{document.path}")
    with suppress(TimeoutError):
        document.wait_until(lambda copy: copy.text.endswith(words[-1]))
        wait_until(lambda: file.content_string == document.text)
    there = document.text, file.content_string
    return sum(any(word not in text for text in there) for word in words)


def reading(rows: Rows) -> str:
    def median(row: str) -> float:
        return statistics.median(rows[row][WITHOUT])

    def total(column: str) -> int:
        return round(sum(rows[CHANGE][column]))

    ratio, ratios = median(RATIO), rows[RATIO][WITHOUT]
    harm = "; ".join(f"{column}: {total(column)}" for column in HARM)
    return (
        f"While the playbook changes a setting, the hub does not answer for {median(CHANGE):.2f} s: "
        f"{ratio:.2f} times as long as during a bare restart ({median(RESTART):.2f} s), "
        f"{'within' if ratio <= GOAL else 'above'} the goal of {GOAL}. Single rounds range from {min(ratios):.2f} to {max(ratios):.2f}. "
        f"During the {len(rows[CHANGE][TYPED])} changes, {total(TYPED)} words were typed; {harm}."
    )
