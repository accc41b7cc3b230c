# SPDX-License-Identifier: GPL-3.0-or-later
"""Track open websockets, judge what they send by their visitors' access levels, and close those of visitors whose access has ended.

A request is authorized when it arrives. A websocket is authorized only once, as a request, and then stays open as long as both ends like.
So the visitors of open websockets are checked again: at once when the hub says that their rights may have changed, and otherwise as often as
the server asks the hub about anyone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from logging import getLogger
from typing import Any

from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError

from ..patches.server.websockets import close, judge_messages, limit_messages, limit_waiting
from .farewell import is_of_page, say_that_access_ended
from .handshakes import refuse_other_pages
from .hub_credentials import (
    Credentials,
    credentials_of,
    hub_auth_of,
    is_own_token,
    model_for,
    model_of,
    serves_hub,
)
from .levels import Level
from .limits import WAITING_EVENTS, WAITING_ROOM, Websockets
from .push import Push
from .watching import LONGEST_MESSAGE, Tabs, Watcher, ask_again, is_of_room, may_watch

LOG = getLogger("tornado.application")
LOOK_SECONDS = 1.0  # cheap: while the hub's last answer is valid, it comes from the server's memory
SOONEST_SECONDS = 0.2  # between two looks, however often the hub calls for one
LINGER_SECONDS = 60.0  # how long the server keeps listening to the hub when nobody has a websocket open, as pages may reload
# With this close code, JupyterLab gives up a document and shows the reason. Terminals and kernels retry seven times, ever more slowly.
ENDED = 1003
REASON = "Your access to this server has ended."
LOWERED = "You can only view this server now."
# Pages are told before they notice that documents and kernels are gone, so that they say it in their own words, and JupyterLab says nothing.
TELL_SECONDS = 1.0


class Visitors:
    """The open websockets and their visitors. The hub is asked once per visitor and period, however many websockets a visitor has open.

    limit: how many websockets one person can have open. level_of: returns the level of a visitor, given the hub's model.
    """

    def __init__(self, limit: Websockets, level_of: Callable[[Mapping[str, Any]], Level]) -> None:
        self._limit = limit
        self._level_of = level_of
        self._sockets: dict[Any, Credentials] = {}
        self._levels: dict[Any, Level] = {}
        self._tabs = Tabs()
        self._hub_auth: Any = None
        self._push: Push | None = None
        self._quiet_until = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._is_wanted = False
        self._last_used = 0.0
        self._watch = PeriodicCallback(self.look_again, 1000 * LOOK_SECONDS)
        # Called when the level of a visitor with open websockets has changed.
        self.when_changed: Callable[[], None] = lambda: None

    def level(self, handler: Any) -> Level:
        """Return the level of an open websocket's visitor now. On a server without a hub, everyone can edit."""
        return self._levels.get(handler, Level.EDIT)

    @contextlib.contextmanager
    def admitted(self, handler: Any) -> Iterator[None]:
        """Track a websocket while it is open. Raises HTTPError if it must not open."""
        refuse_other_pages(handler)
        who = handler.current_user.username if handler.current_user else ""
        self._limit.enter(who)
        if is_of_page(handler):
            limit_waiting(handler, WAITING_EVENTS)
        elif is_of_room(handler):
            limit_waiting(handler, WAITING_ROOM)
        with contextlib.ExitStack() as stack:
            stack.callback(self._limit.leave, who)
            if credentials := self._credentials_of(handler):
                stack.callback(self._forget, handler)
                self._sockets[handler] = credentials
                if not is_own_token(self._hub_auth, handler):
                    stack.callback(self._judge(handler).stop)
                self._begin_watch()
            yield

    def _begin_watch(self) -> None:
        if not self._watch.is_running():
            self._watch.start()
        if self._push is None:
            self._push = Push(self._hub_auth, self._hear)
        self._push.start()

    def _hear(self, _names: Collection[str] | None) -> None:
        """Look again now, because the hub says that rights may have changed. Its other answers have gone from the server's memory."""
        self._quiet_until = 0.0
        self._is_wanted = True
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_while_wanted())

    async def _look_while_wanted(self) -> None:
        try:
            while self._is_wanted:
                self._is_wanted = False
                await self._look()
                await asyncio.sleep(SOONEST_SECONDS)
        finally:
            self._looking = None

    def _judge(self, handler: Any) -> Watcher:
        """From now on, judge each message of a websocket by the level that its visitor has then."""
        self._levels[handler] = self._level_of(model_of(handler, handler.current_user))

        def judge(message: Any) -> bool:
            if self._levels.get(handler, Level.NONE) >= Level.EDIT:
                watcher.note(message)
                return True
            watcher.take(message)
            return False

        watcher = Watcher(handler, self._tabs, judge_messages(handler, judge))
        limit_messages(handler, self._longest(handler))
        return watcher

    def _longest(self, handler: Any) -> int | None:
        return None if self._levels[handler] >= Level.EDIT else LONGEST_MESSAGE

    def _forget(self, handler: Any) -> None:
        self._sockets.pop(handler, None)
        self._levels.pop(handler, None)

    def _credentials_of(self, handler: Any) -> Credentials | None:
        """Return the credentials to check again; None if everyone can open the websocket, or the server has no hub."""
        hub_auth = hub_auth_of(handler)
        if handler.current_user is None or (hub_auth is None and not serves_hub()):
            return None
        self._hub_auth = hub_auth
        credentials = hub_auth and credentials_of(hub_auth, handler)
        if credentials is None:
            # Without credentials, nobody could tell when the visitor's access ends.
            raise HTTPError(403, "This websocket was opened without a token from the hub")
        return credentials

    async def look_again(self) -> None:
        """Look at all visitors once, if nobody does so now. Stop this when no websocket has been open for a while."""
        now = time.monotonic()
        if self._sockets:
            self._last_used = now
        elif now > self._last_used + LINGER_SECONDS:
            self._watch.stop()
            if self._push is not None:
                self._push.stop()
            return
        if self._looking is None and now >= self._quiet_until:
            await self._look()

    async def _look(self) -> None:
        """Follow the levels of visitors, and close the websockets of those whom the hub no longer admits.

        If the hub does not answer, nobody is disconnected.
        """
        # Group by token alone: a browser can claim any session, and a different one for each websocket.
        people = {each.token: each for each in self._sockets.values()}
        answers = await asyncio.gather(
            *(model_for(self._hub_auth, each) for each in people.values()), return_exceptions=True
        )
        if any(isinstance(answer, BaseException) for answer in answers):
            # A failure is not cached. Pause for as long as an answer would be cached, so that a hub that is about to return is asked no
            # more often than usual.
            self._quiet_until = time.monotonic() + self._hub_auth.cache_max_age
        told = {
            token: model
            for token, model in zip(people, answers, strict=True)
            if not isinstance(model, BaseException) and not self._is_overtaken(model)
        }
        ended = {
            token for token, model in told.items() if model is None or self._level_of(model) is Level.NONE
        }
        self._end(ended)
        changed = False
        for socket, credentials in list(self._sockets.items()):
            model = told.get(credentials.token)
            if model is not None and credentials.token not in ended and socket in self._levels:
                changed |= self._follow(socket, self._level_of(model))
        if changed:
            self.when_changed()

    def _is_overtaken(self, model: dict[str, Any] | None) -> bool:
        return self._push is not None and self._push.is_overtaken(model)

    def _end(self, tokens: set[str]) -> None:
        """Close the websockets of visitors whose access has ended."""
        sockets = {
            socket: credentials.token
            for socket, credentials in self._sockets.items()
            if credentials.token in tokens and socket.ws_connection is not None
        }
        pages = {token for socket, token in sockets.items() if is_of_page(socket)}
        for socket, token in sockets.items():
            LOG.info("Closing %s: the visitor's access has ended", socket.request.path)
            say_that_access_ended(socket)
            close(socket, ENDED, REASON, after=TELL_SECONDS if token in pages else 0)

    def _follow(self, socket: Any, level: Level) -> bool:
        """Give a websocket the level that its visitor has now. Return whether it is another one."""
        before, self._levels[socket] = self._levels[socket], level
        if level is before:
            return False
        limit_messages(socket, self._longest(socket))
        if level < Level.EDIT and not may_watch(socket):
            if socket.ws_connection is not None:
                LOG.info("Closing %s: the visitor can only view this server now", socket.request.path)
                close(socket, ENDED, LOWERED)
        elif before < Level.EDIT <= level:
            ask_again(socket)
        return True
