# SPDX-License-Identifier: GPL-3.0-or-later
"""Pass on what tabs tell each other in a room: where their cursors are, and that they are still there.

jupyter-collaboration sends each message at once to everyone, whatever it says. But each page repeats to the server what it hears of others, so
one move of a cursor among 30 pages would cost 900 messages, and among 100 pages 10,000. Each page also reports every 15 seconds.

So only news is passed on, in one message for all tabs, and the more pages there are, the more news shares a message.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextvars import ContextVar
from logging import getLogger
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from jupyter_server_ydoc.rooms import TransientRoom
from pycrdt import YMessageType, read_message
from pycrdt.websocket import YRoom

from ..within import within
from .watching import message_of, tabs_in

if TYPE_CHECKING:
    from pycrdt import Channel

LOG = getLogger("tornado.application")
# The client whose message is being handled.
SENDER: ContextVar[Channel | None] = ContextVar("sender", default=None)
# Passing on takes at most about this share of a processor's time, ...
SHARE_OF_PASSING_ON = 0.05
# ... but news waits no longer than this: pages forget a tab of which they have heard nothing for 30 seconds, and it reports every 15 to 18.
LONGEST_REST = 5.0
LONGEST_STATE = 200_000  # bytes of one tab, because everyone gets it; a cursor has about 250
MOST_INTRODUCED = 50  # tabs by one client; a page has one, and may hear of others of the same browser before the server does
GONE = b"null"
# A tab, its clock and its state as JSON.
Told = tuple[int, int, bytes]


class PassingOn:
    """What the tabs in a room tell, and who has to hear it."""

    def __init__(self, room: YRoom) -> None:
        self._room = room
        self._news: dict[int, Told] = {}
        # Those of whom something was refused. Without any message, a page would connect again after 30 seconds.
        self._unheard: set[Channel] = set()
        self._introduced: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._telling: asyncio.Task[None] | None = None

    def take(self, message: bytes, sender: Channel | None) -> None:
        """Take in an awareness message, and pass on what is new in it. A message that no page would send is dropped."""
        try:
            told = tabs_in(message)
        except ValueError:
            return
        # A page that connects again tells its own tab as it was. Those who have come meanwhile do not know it.
        is_first = sender is not None and sender not in self._introduced
        if is_first:
            self._introduced[sender] = 0
        for each in told:
            if self._is_news(each) or (is_first and self._is_known(each)):
                self._note(each, sender)
        if (self._news or self._unheard) and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell())

    def stop(self) -> None:
        if self._telling is not None:
            self._telling.cancel()

    def _is_news(self, told: Told) -> bool:
        tab, clock, state = told
        awareness = self._room.awareness
        known = awareness.meta.get(tab, {"clock": 0})["clock"]
        return bool(clock > known or (clock == known and state in (b"", GONE) and tab in awareness.states))

    def _is_known(self, told: Told) -> bool:
        tab, clock, _state = told
        awareness = self._room.awareness
        return tab in awareness.states and awareness.meta[tab]["clock"] == clock

    def _note(self, told: Told, sender: Channel | None) -> None:
        """Have everyone hear of a tab's state, unless pages could not read it."""
        tab, clock, state = told
        state = state or GONE
        if len(state) > LONGEST_STATE or not _is_json(state) or not self._may_introduce(tab, sender):
            LOG.debug("Not passed on: what a page tells of itself, with %s bytes", len(state))
            if sender is not None:
                self._unheard.add(sender)
            return
        # The room's observers may fail on what no page would tell. All others can hear it all the same.
        try:
            own = read_message(message_of([(tab, clock, state)])[1:])
            self._room.awareness.apply_awareness_update(own, self._room)
        except Exception:
            LOG.debug("What a page tells of itself is passed on, but was not understood here", exc_info=True)
        self._news[tab] = tab, clock, state

    def _may_introduce(self, tab: int, sender: Channel | None) -> bool:
        if sender is None or tab in self._room.awareness.meta:
            return True
        self._introduced[sender] = self._introduced.get(sender, 0) + 1
        return self._introduced[sender] <= MOST_INTRODUCED

    async def _tell(self) -> None:
        """Tell everyone the news, and rest in proportion to what that has cost, until there is none."""
        while self._news or self._unheard:
            news = message_of([*self._news.values()])
            heard = [*self._room.clients] if self._news else [*self._unheard & self._room.clients]
            self._news.clear()
            self._unheard.clear()
            began = time.thread_time()
            for client in heard:
                if getattr(client, "ws_connection", client) is not None:  # it may just have gone
                    await client.send(news)  # does not wait for the client
            took = time.thread_time() - began
            await asyncio.sleep(min(took / SHARE_OF_PASSING_ON, LONGEST_REST))


class Pages(TransientRoom):
    """The room in which all pages tell who is in which document."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._passing_on = PassingOn(self)
        self.on_message = self._take_in

    def _take_in(self, message: bytes) -> bool:
        if message[0] != YMessageType.AWARENESS:
            return False
        self._passing_on.take(message, SENDER.get())
        return True

    async def serve(self, channel: Channel) -> None:
        with within(SENDER, channel):
            await super().serve(channel)

    async def stop(self) -> None:
        self._passing_on.stop()
        await super().stop()


def _is_json(state: bytes) -> bool:
    """Return whether browsers can read a state. If not, they could not read the others' either that are in the same message."""
    try:
        json.loads(state.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
