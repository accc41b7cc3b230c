# SPDX-License-Identifier: GPL-3.0-or-later
"""What an update removes that its author had not seen, and how it is restored."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from jupyter_ydoc import YNotebook
from pycrdt import Array, Doc, Map, Text, merge_updates

from jupyterhub_collab.server import yjs_update
from jupyterhub_collab.server.history import Change
from jupyterhub_collab.server.late import Late, gone_unseen, late, late_again, unseen
from jupyterhub_collab.server.merge import doc_of
from jupyterhub_collab.server.yjs_update import Ranges, without
from tiers import LONG


@pytest.mark.parametrize(
    ("ranges", "others", "left"),
    [
        ({1: [(0, 9)]}, {}, {1: [(0, 9)]}),
        ({1: [(0, 9)]}, {1: [(0, 9)]}, {}),
        ({1: [(0, 9)]}, {2: [(0, 9)]}, {1: [(0, 9)]}),
        ({1: [(0, 9)]}, {1: [(3, 5)]}, {1: [(0, 3), (5, 9)]}),
        ({1: [(2, 4), (6, 8)]}, {1: [(7, 20), (0, 3)]}, {1: [(3, 4), (6, 7)]}),
        ({1: [(2, 4)], 2: [(0, 1)]}, {1: [(0, 9)]}, {2: [(0, 1)]}),
    ],
)
def test_ranges_without_others(ranges: Ranges, others: Ranges, left: Ranges) -> None:
    assert without(ranges, others) == left


def test_what_an_author_has_seen_is_not_missed_and_all_else_is() -> None:
    """Text that an author has seen is not missed, and all other text is.

    Covers long clocks, several authors and text changed on both sides.
    """
    alice: Doc[Any] = Doc({"cells": Array([Text("a" * 300), Text("b" * 300), Text("c")])})
    bob = doc_of(alice.get_update())
    bob.get("cells", type=Array)[1].insert(100, "seen " * 60)
    alice.apply_update(bob.get_update())
    del alice["cells"][1][50:80]
    bob.apply_update(alice.get_update())
    missed: list[Ranges] = []
    update = b""
    bob.observe(lambda event: missed.append(gone_unseen(event, update)))

    before = alice.get_state()
    del alice["cells"][1]
    update = alice.get_update(before)
    unseen = bob.get("cells", type=Array)
    unseen[0].insert(0, "in a cell that stays")
    missed.clear()
    bob.apply_update(update)
    assert missed == [{}]

    before = alice.get_state()
    del alice["cells"][0]
    update = alice.get_update(before)
    bob.apply_update(update)
    assert [sum(end - start for start, end in ranges) for ranges in missed[1].values()] == [
        len("in a cell that stays")
    ]


@pytest.mark.parametrize("is_known", [True, False])
def test_of_what_comes_late_only_text_is_missed(monkeypatch: pytest.MonkeyPatch, is_known: bool) -> None:
    """A page and the server set the same property of a cell at each run. One of the values is removed as it comes, and nobody misses it.

    is_known: whether the update can be decoded. If not, any of it may be text.
    """
    if not is_known:
        monkeypatch.setattr(yjs_update, "STRING", -1)
        monkeypatch.setattr(yjs_update, "ANY", -1)
    server: Doc[Any] = Doc({"cell": Map({"execution_count": 1.0, "source": Text("x")})}, client_id=2)
    page: Doc[Any] = Doc(client_id=1)  # of two values for one property, the one of the higher client ID stays
    page.apply_update(server.get_update())
    server["cell"]["execution_count"] = None
    cell, states = page.get("cell", type=Map), [page.get_state()]
    cell["execution_count"] = None
    states.append(page.get_state())
    cell["source"].insert(0, "typed ")
    updates = [page.get_update(states[0]), page.get_update(states[1])]
    found: list[Late] = []
    update = b""
    server.observe(lambda event: found.extend(late(event, update, gone_unseen(event, update), 1)))
    for update in updates:
        server.apply_update(update)
    assert [each.has_come for each in found] == ([] if is_known else [True])
    assert str(server["cell"]["source"]) == "typed x"


class Table:
    """A notebook on a server, and users who learn of each other's changes later, each at their own pace. A seed determines all choices."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        cells = [_cell(f"cell{number}", f"begun{number}") for number in range(3)]
        first = YNotebook(Doc(client_id=self.chance.getrandbits(31)))
        first.set({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        begin = first.ydoc.get_update()
        self.people = [self._copy(begin) for _person in range(3)]
        self.unheard: list[list[bytes]] = [[] for _person in self.people]
        self.history = [Change(1, begin, 0, False)]
        # Updates of the history after which something arrived late that is not restored yet.
        self._due: list[int] = []
        self.start_server()
        self.words = [f"begun{number}" for number in range(3)]
        self.given_up: set[str] = set()  # words that a user saw in a cell and deleted with it
        self.offline: list[list[bytes]] = [[] for _person in self.people]  # what each user did while offline
        self._sent: tuple[int, bytes] | None = None

    def start_server(self) -> None:
        """Have a server continue from the history, as after it was killed.

        Its document is a plain Doc, because a notebook keeps removed content so that users can undo the removal. This server only knows
        that it was removed.
        """
        self.server: Doc[Any] = Doc(client_id=self.chance.getrandbits(31))
        self.server.apply_update(merge_updates(*(change.update for change in self.history)))
        self.server.observe(self._on_server)
        self._late: list[Late] = [each for number in self._due for each in late_again(self.history, number)]

    def _copy(self, update: bytes) -> YNotebook:
        notebook = YNotebook(Doc(client_id=self.chance.getrandbits(31)))
        notebook.ydoc.apply_update(update)
        return notebook

    def _on_server(self, event: Any) -> None:
        sender, update = self._sent or (None, None)
        gone = gone_unseen(event, update) if update is not None else {}
        if update is not None and gone:
            self._due.append(self.history[-1].number)
            self._late += late(event, update, gone, self.history[-1].number)
        written = update if update is not None and gone else event.update
        self.history.append(Change(len(self.history) + 1, written, 0, update is not None))
        for person, unheard in enumerate(self.unheard):
            if person != sender:
                unheard.append(event.update)

    def do(self, person: int, change: Callable[[YNotebook], None]) -> None:
        """Change the document as one user sees it. The server learns of it when `send` is called."""
        notebook = self.people[person]
        subscription = notebook.ydoc.observe(lambda event: self.offline[person].append(event.update))
        with notebook.ydoc.transaction():
            change(notebook)
        notebook.ydoc.unobserve(subscription)

    def send(self, person: int) -> None:
        if updates := self.offline[person]:
            self._sent = person, merge_updates(*updates)
            self.server.apply_update(self._sent[1])
            self._sent = None
            updates.clear()

    def hear(self, person: int, number: int) -> None:
        if not self.offline[person]:
            for update in self.unheard[person][:number]:
                self.people[person].ydoc.apply_update(update)
            del self.unheard[person][:number]

    def restore(self) -> None:
        updates, self._late, self._due = self._late, [], []
        found, notebook = list(unseen(self.history, updates)), YNotebook(self.server)
        with self.server.transaction():
            for each in found:
                assert each is not None
                assert each.restore(notebook)[1] is None

    def type(self, person: int) -> None:
        if cells := self.people[person].ycells:
            word = f"word{len(self.words)}"
            self.words.append(word)
            place = self.chance.randrange(len(cells))
            self.do(person, lambda notebook: notebook.ycells[place]["source"].insert(0, f"{word}\n"))

    def make_anew(self, person: int) -> None:
        """Move a cell, change its type, or both."""
        if number := self.people[person].cell_number:
            old, new = self.chance.randrange(number), self.chance.randrange(number)

            def change(notebook: YNotebook) -> None:
                cell = {**notebook.get_cell(old), "cell_type": self.chance.choice(("code", "markdown"))}
                del notebook.ycells[old]
                notebook.ycells.insert(new, notebook.create_ycell(cell))

            self.do(person, change)

    def delete(self, person: int) -> None:
        if number := self.people[person].cell_number:
            place = self.chance.randrange(number)
            self.given_up |= set(str(self.people[person].ycells[place]["source"]).split())
            self.do(person, lambda notebook: notebook.ycells.__delitem__(place))

    def note(self) -> None:
        """Change a value that no user typed, as the server does when it has saved."""
        self.server.get("state", type=Map)["dirty"] = self.chance.random()

    def text(self, notebook: YNotebook) -> list[str]:
        return [word for cell in notebook.ycells for word in str(cell["source"]).split()]


def _cell(name: str, source: str) -> dict[str, Any]:
    more: dict[str, Any] = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"id": name, "cell_type": "code", "source": source, **more}


@pytest.mark.parametrize(("movers", "often"), [(1, 1), pytest.param(1, 0.2, marks=pytest.mark.long), (3, 1)])
def test_no_word_goes_that_was_not_seen_when_it_was_taken_out(movers: int, often: float) -> None:
    """No word is lost that a user had not seen when they removed it, whatever users do, and whenever they learn of each other's changes.

    If only one user moves cells, and text is restored before each next action, each word appears once.

    movers: how many users move and delete cells. often: the probability that text is restored before the next user's action.
    """
    for seed in range(150 if LONG else 50):
        table = Table(seed)
        for _step in range(25):
            person = table.chance.randrange(3)
            moves = [table.make_anew, table.delete] if person < movers else []
            table.chance.choice([table.type, table.type, table.type, *moves])(person)
            if table.chance.random() < 0.7:
                table.send(person)
            table.hear(table.chance.randrange(3), table.chance.randrange(4))
            if table.chance.random() < 0.3:
                table.note()
            if table.chance.random() < often:
                table.restore()
            if table.chance.random() < 0.1:
                table.start_server()
        for person in range(3):
            table.send(person)
            table.restore()
        for person, notebook in enumerate(table.people):
            table.hear(person, len(table.unheard[person]))
            assert table.text(notebook) == table.text(YNotebook(table.server))
        found = table.text(YNotebook(table.server))
        assert set(table.words) - set(found) <= table.given_up, f"seed {seed}"
        if (movers, often) == (1, 1):
            assert len(found) == len(set(found)), f"seed {seed}: {sorted(found)}"
