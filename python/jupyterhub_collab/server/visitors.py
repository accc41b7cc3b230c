# SPDX-License-Identifier: GPL-3.0-or-later
"""Track open websockets, and close those of visitors whose access has ended.

A request is authorized when it arrives. A websocket is authorized only once, as a request, and then stays open as long as both ends like.
So the visitors of open websockets are checked again, as often as the server asks the hub about anyone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from logging import getLogger
from typing import Any

from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError

from ..patches.server.websockets import close
from .farewell import is_of_page, say_that_access_ended
from .handshakes import refuse_other_pages
from .hub_credentials import Credentials, credentials_of, hub_auth_of, may_stay, serves_hub
from .limits import Websockets

LOG = getLogger("tornado.application")
LOOK_SECONDS = 1.0  # cheap: while the hub's last answer is valid, it comes from the server's memory
# With this close code, JupyterLab gives up a document and shows the reason. Terminals and kernels retry seven times, ever more slowly.
ENDED = 1003
REASON = "Your access to this server has ended."
# Pages are told before they notice that documents and kernels are gone, so that they say it in their own words, and JupyterLab says nothing.
TELL_SECONDS = 1.0


class Visitors:
    """The open websockets and their visitors. The hub is asked once per visitor and period, however many websockets a visitor has open.

    limit: how many websockets one person can have open.
    """

    def __init__(self, limit: Websockets) -> None:
        self._limit = limit
        self._sockets: dict[Any, Credentials] = {}
        self._hub_auth: Any = None
        self._quiet_until = 0.0
        self._watch = PeriodicCallback(self.look_again, 1000 * LOOK_SECONDS)

    @contextlib.contextmanager
    def admitted(self, handler: Any) -> Iterator[None]:
        """Track a websocket while it is open. Raises HTTPError if it must not open."""
        refuse_other_pages(handler)
        who = handler.current_user.username if handler.current_user else ""
        self._limit.enter(who)
        try:
            if credentials := self._credentials_of(handler):
                self._sockets[handler] = credentials
                if not self._watch.is_running():
                    self._watch.start()
            yield
        finally:
            self._limit.leave(who)
            self._sockets.pop(handler, None)

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
        """Close the websockets of visitors whom the hub no longer admits. If the hub does not answer, nobody is disconnected."""
        if not self._sockets:
            self._watch.stop()
            return
        if time.monotonic() < self._quiet_until:
            return
        # Group by token alone: a browser can claim any session, and a different one for each websocket.
        people = {each.token: each for each in self._sockets.values()}
        answers = await asyncio.gather(
            *(may_stay(self._hub_auth, each) for each in people.values()), return_exceptions=True
        )
        if any(isinstance(answer, BaseException) for answer in answers):
            # A failure is not cached. Pause for as long as an answer would be cached, so that a hub that is about to return is asked no
            # more often than usual.
            self._quiet_until = time.monotonic() + self._hub_auth.cache_max_age
        out = {token for token, answer in zip(people, answers, strict=True) if answer is False}
        ended = {
            socket: credentials.token
            for socket, credentials in self._sockets.items()
            if credentials.token in out and socket.ws_connection is not None
        }
        pages = {token for socket, token in ended.items() if is_of_page(socket)}
        for socket, token in ended.items():
            LOG.info("Closing %s: the visitor's access has ended", socket.request.path)
            say_that_access_ended(socket)
            close(socket, ENDED, REASON, after=TELL_SECONDS if token in pages else 0)
