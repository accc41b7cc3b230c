# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people with one file open on a server, for tests in which an engine ends the server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from people import Document, Person

Tabs = tuple[Document, Document]
FIRST, SECOND = "from alice\n", "from bob\n"


@contextmanager
def open_tabs(owner: str, one: Person, other: Person, path: str) -> Iterator[Tabs]:
    """Have both open a new file on the owner's server, type, and see each other's text."""
    server = one.open(owner)
    server.write_file(path)
    with server.document(path) as hers, other.visit(owner).document(path) as his:
        hers.insert(0, FIRST)
        his.wait_until(lambda document: document.text == FIRST)
        his.append(SECOND)
        hers.wait_until(lambda document: document.text == FIRST + SECOND)
        yield hers, his


def carry_on_after_stop(tabs: Tabs, stop: Callable[[], object], start: Callable[[], object]) -> None:
    """Stop the server, type in both tabs, start it again, and expect all text in both, each line once."""
    hers, his = tabs
    stop()
    meanwhile = ["alice, while it was stopped\n", "bob, while it was stopped\n"]
    for document, line in zip(tabs, meanwhile, strict=True):
        document.append(line)
    start()
    hers.reconnect()
    his.reconnect()
    wanted = sorted([FIRST, SECOND, *meanwhile])
    for document in tabs:
        document.wait_until(lambda found: sorted(found.text.splitlines(keepends=True)) == wanted)


def carry_on_after_kill(tabs: Tabs, kill: Callable[[], object], start: Callable[[], object]) -> None:
    """Kill the server right after both have seen a change, type, start it again, and expect all text in both, in order."""
    hers, his = tabs
    his.append("seen by both\n")
    hers.wait_until(lambda document: "seen by both" in document.text)
    kill()
    hers.append("after the kill\n")
    start()
    hers.reconnect()
    his.reconnect()
    for document in tabs:
        document.wait_until(lambda found: found.text == f"{FIRST}{SECOND}seen by both\nafter the kill\n")
