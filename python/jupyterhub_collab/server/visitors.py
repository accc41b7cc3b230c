# SPDX-License-Identifier: GPL-3.0-or-later
"""The websockets that people have open, and the end of those of people whose right to be here has ended.

A request is looked at when it comes; a websocket was a request once, and goes on as long as both ends like. So everyone who has one
open is looked at again, as often as the server asks the hub about anyone.
"""

from __future__ import annotations

import asyncio
import functools
import time
from logging import getLogger
from typing import Any

from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler

from .handshakes import refuse_other_pages
from .hub_credentials import Credentials, credentials_of, hub_auth_of, may_stay, serves_hub
from .limits import Websockets

LOG = getLogger("tornado.application")
LOOK_SECONDS = 1.0  # an answer of the hub that is still good is looked up in the server's memory
# With this code JupyterLab gives up a document, and says why. Terminals and kernels try seven times more, ever more slowly.
ENDED = 1003
REASON = "Your access to this server has ended."


class Visitors:
    """Whose websockets are open. With each person's credentials the hub is asked once in a period, however many they have."""

    def __init__(self, limit: Websockets) -> None:
        self._limit = limit
        self._sockets: dict[Any, Credentials] = {}
        self._hub_auth: Any = None
        self._quiet_until = 0.0
        self._watch = PeriodicCallback(self.look_again, 1000 * LOOK_SECONDS)

    def wrap_websockets(self) -> None:
        """Have every websocket of this process known here for as long as it is open.

        Whatever class it is of, its handshake is that of tornado, which returns when the connection is over.
        """
        websocket: Any = WebSocketHandler
        get = websocket.get

        @functools.wraps(get)
        async def known(handler: Any, *arguments: Any, **options: Any) -> None:
            refuse_other_pages(handler)
            who = handler.current_user.username if handler.current_user else ""
            self._limit.enter(who)
            try:
                if credentials := self._credentials_of(handler):
                    self._sockets[handler] = credentials
                    if not self._watch.is_running():
                        self._watch.start()
                await get(handler, *arguments, **options)
            finally:
                self._limit.leave(who)
                self._sockets.pop(handler, None)

        websocket.get = known

    def _credentials_of(self, handler: Any) -> Credentials | None:
        """Return what to check again, or None if everyone can open the websocket or there is no hub."""
        hub_auth = hub_auth_of(handler)
        if handler.current_user is None or (hub_auth is None and not serves_hub()):
            return None
        self._hub_auth = hub_auth
        credentials = hub_auth and credentials_of(hub_auth, handler)
        if credentials is None:
            # Nobody could tell when it has to end.
            raise HTTPError(403, "This websocket was opened without a token from the hub")
        return credentials

    async def look_again(self) -> None:
        """Close the websockets of those to whom the hub says no. A hub that does not answer puts nobody out."""
        if not self._sockets:
            self._watch.stop()
            return
        if time.monotonic() < self._quiet_until:
            return
        # By token alone: a browser may call its session what it likes, and otherwise for each websocket.
        people = {each.token: each for each in self._sockets.values()}
        answers = await asyncio.gather(
            *(may_stay(self._hub_auth, each) for each in people.values()), return_exceptions=True
        )
        if any(isinstance(answer, BaseException) for answer in answers):
            # Without an answer there is nothing to remember, and a hub that is about to come back is asked no more often than others.
            self._quiet_until = time.monotonic() + self._hub_auth.cache_max_age
        out = {token for token, answer in zip(people, answers, strict=True) if answer is False}
        for socket in [socket for socket, credentials in self._sockets.items() if credentials.token in out]:
            if socket.ws_connection is not None:
                close(socket)


def close(socket: Any) -> None:
    """Close a websocket for good. Whatever the other side does, nothing of it is heard from now on, and nothing is sent to it."""
    LOG.info("%s is closed, because its visitor's access has ended", socket.request.path)
    socket.on_message = _ignore  # the other side may answer the end late, and send meanwhile
    socket.close(ENDED, REASON)
    try:
        # What the server does when someone has left it does now, and not when they have answered.
        socket.on_connection_close()
    except Exception:
        LOG.exception("%s was closed, and the cleanup failed", socket.request.path)


def _ignore(message: Any) -> None:
    """Take what someone sends who is out."""
