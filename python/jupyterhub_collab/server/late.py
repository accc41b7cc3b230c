# SPDX-License-Identifier: GPL-3.0-or-later
"""Find text that people type into a part of a document while another person removes that part: neither has seen what the other did.

Moving a cell also removes it: nothing in a shared list can move, so the cell is removed and recreated elsewhere. Text that people type into
a removed part would be lost with it. This module notices when that happens, and finds the text in the document's history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from jupyter_ydoc import YNotebook
from jupyter_ydoc.ybasedoc import YBaseDoc
from pycrdt import Doc, get_update

from .history import Change
from .merge import doc_of, has_lost
from .merge_notebook import restore_cells
from .merge_text import change_text
from .yjs_update import Ranges, added, clocks_of, garbage_of, ranges_of, text_of, without

NONE = b"\0"  # no ranges
# Whether an event's delete set has what was added to a part that was already removed. In earlier releases, only the event's update has it.
REPORTS_ALL = int(version("pycrdt").split(".")[1]) >= 14


@dataclass(frozen=True)
class Late:
    """Text that was lost with an update, without its author or the person who removed it knowing.

    update: the update as it was sent.
    number: of the last update before it in the history.
    gone: the clocks of the lost text.
    has_come: True if the update brought the text to a part that was already removed, False if the update removed the part.
    after: the clients' clocks after the update.
    """

    update: bytes
    number: int
    gone: Ranges
    has_come: bool
    after: dict[int, int]


@dataclass(frozen=True)
class Unseen:
    """A document before a part of it was removed.

    seen: the document as it was known to those who removed the part.
    whole: the same with the text that they had not seen.
    then: the document once the part was removed.
    by_people: whether people removed the part; otherwise, a program that wrote the file did.
    clients: those who typed the unseen text.
    number: of the last update of others that these documents include.
    """

    seen: bytes
    whole: bytes
    then: bytes
    by_people: bool
    clients: frozenset[int]
    number: int

    def has_all_of(self, other: Unseen) -> bool:
        """Return whether this includes all text of `other`, except for what its authors have deleted since."""
        return self.clients == other.clients and self.number <= other.number

    def restore(self, people: YBaseDoc) -> tuple[bool, YBaseDoc | None]:
        """Restore the unseen text in the document as people have it now: in the recreated cell, or else together with the cell.

        A cell that a program has removed from the file does not return. Return whether anything was restored, and the document with the
        text that was not; None if there is none.
        """
        clocks = clocks_of(people.ydoc.get_state())
        kind = type(people)
        whole = kind(doc_of(self.whole))
        if isinstance(people, YNotebook) and isinstance(whole, YNotebook):
            seen, then = YNotebook(doc_of(self.seen)), YNotebook(doc_of(self.then))
            with people.ydoc.transaction():
                is_whole = restore_cells(seen, whole, then, people, change_text, self.by_people)
        else:
            is_whole = not has_lost(kind(doc_of(self.seen)), whole, people)
        return clocks_of(people.ydoc.get_state()) != clocks, None if is_whole else whole


def gone_unseen(event: Any, update: bytes) -> Ranges:
    """Return what an update has removed, except for what its author removed knowingly.

    Of what the update itself adds, only text counts. If two people set the same property of a cell at a time, such as its count of
    executions, one of the values is removed as it comes, and nobody misses it.

    event: the TransactionEvent of the document that has applied the update. update: as it was sent.
    """
    if event.update == update or (REPORTS_ALL and event.delete_set == NONE):
        return {}
    known = get_update(update, event.after_state)
    if not known.startswith(b"\0"):
        return {}  # it waits for an update that must come first
    gone = ranges_of(event.delete_set)
    if not REPORTS_ALL:
        for client, its in garbage_of(event.update).items():
            gone.setdefault(client, []).extend(its)
    gone = without(gone, ranges_of(known[1:]))
    if not gone:
        return {}
    try:
        text = text_of(update)
    except ValueError:
        return gone  # content of an unknown kind may be text
    return without(gone, without(added(event.before_state, event.after_state), text))


def late(event: Any, update: bytes, gone: Ranges, number: int) -> list[Late]:
    """Return the text that was lost with an update. gone: what `gone_unseen` found. number: of the last update before it in the history."""
    old = without(gone, added(event.before_state, event.after_state))
    parts = (old, False), (without(gone, old), True)
    after = clocks_of(event.after_state)
    return [Late(update, number, ranges, has_come, after) for ranges, has_come in parts if ranges]


def late_again(changes: Sequence[Change], number: int) -> list[Late]:
    """Return again what `late` returned for the update that followed update `number`. changes: the history."""
    then = next((change for change in changes if change.number > number), None)
    if then is None or not then.is_typed:
        return []  # the update was not written, so its author sends it again
    update, found = then.update, []
    doc = doc_of(*(change.update for change in changes if change.number <= number))

    def note(event: Any) -> None:
        found.extend(late(event, update, gone_unseen(event, update), number))

    doc.observe(note)
    doc.apply_update(update)
    return found


def unseen(changes: Sequence[Change], updates: Sequence[Late]) -> Iterator[Unseen | None]:
    """Yield the documents from which lost text can be restored; None if the history no longer has the part that an update was about.

    changes: the history, which has each late update as it was sent.
    """
    clients = _clients(changes)
    for each in updates:
        past = [change for change in changes if change.number <= each.number]
        find = _before_it_went if each.has_come else _as_it_was_known
        yield find(past, clients, each)


def _before_it_went(past: list[Change], clients: list[set[int]], late: Late) -> Unseen | None:
    """Return the document as the author of an update knew it: at a time before the part was removed, with all updates of that author."""

    def known(number: int) -> Doc[Any]:
        authors = set(late.gone)
        own = [change for change, its in zip(past[number:], clients[number:], strict=False) if its & authors]
        return doc_of(*(change.update for change in (*past[:number], *own)))

    low, high = 0, len(past)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (low, middle - 1) if _is_gone(known(middle), late) else (middle, high)
    doc = known(low)
    seen = doc.get_update()
    if _is_gone(doc, late) or not _has(doc, late):
        return None
    by_people = low < len(past) and past[low].is_typed
    number = past[low - 1].number if low else 0
    return Unseen(seen, doc.get_update(), _after(past, late), by_people, frozenset(late.gone), number)


def _as_it_was_known(past: list[Change], clients: list[set[int]], late: Late) -> Unseen:
    """Return the document before an update removed a part, with and without the text that the update's author did not know."""
    whole: Doc[Any] = Doc()
    known = []
    for change, its in zip(past, clients, strict=False):
        whole.apply_update(change.update)
        clocks = clocks_of(whole.get_state())
        if not any(clocks[client] > min(late.gone[client])[0] for client in its & set(late.gone)):
            known.append(change.update)
    seen, then = doc_of(*known).get_update(), _after(past, late)
    return Unseen(seen, whole.get_update(), then, True, frozenset(late.gone), late.number)


def _after(past: list[Change], late: Late) -> bytes:
    return doc_of(*(change.update for change in past), late.update).get_update()


def _clients(changes: Sequence[Change]) -> list[set[int]]:
    """Return for each update the clients that made it."""
    doc: Doc[Any] = Doc()
    found, before = [], clocks_of(doc.get_state())
    for change in changes:
        doc.apply_update(change.update)
        after = clocks_of(doc.get_state())
        found.append({client for client, clock in after.items() if clock > before.get(client, 0)})
        before = after
    return found


def _is_gone(doc: Doc[Any], late: Late) -> bool:
    """Return whether what an update adds to a document is removed at once."""
    gone: list[Ranges] = []
    doc.observe(lambda event: gone.append(gone_unseen(event, late.update)))
    doc.apply_update(late.update)
    return any(each.keys() & late.gone.keys() for each in gone)


def _has(doc: Doc[Any], late: Late) -> bool:
    """Return whether a document has applied a late update, and does not wait for an update that must come first."""
    clocks = clocks_of(doc.get_state())
    return all(clocks.get(client, 0) >= late.after[client] for client in late.gone)
