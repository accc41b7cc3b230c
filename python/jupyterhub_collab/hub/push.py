# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell servers at once when the rights of their visitors may have changed, so that they need not ask every few seconds.

A server with visitors keeps one request open, with its own token. What the hub sends there carries no authority: it only makes the server ask
again, as if nobody had told it anything. Each line is a list in JSON:

    [SECONDS, NUMBER]                   nothing else has changed until now
    [SECONDS, NUMBER, ["bob", "carol"]] ask again about these users or services
    [SECONDS, NUMBER, null]             ask again about everyone

SECONDS is the hub's time, by a clock that never goes back. NUMBER counts the changes that this stream has told, so a server notices if it missed
one. A server is told only of visitors about whom it has asked since it was last told of them.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.auth import Authenticator
from jupyterhub.user import User
from sqlalchemy import event
from tornado import web
from tornado.iostream import IOStream, StreamBufferFullError, StreamClosedError

from ..names import CHANGES, LONGEST_TRUST, STREAM
from ..patches.hub.handlers import add_endpoint
from .changes import Change, on_change
from .open_files import has_room
from .own_token import note_of

GATHER_SECONDS = 0.05  # changes that follow each other so closely are told together
# How many changes of one visitor, or of everyone, are told at once, and after how many seconds another one is. This bounds what
# a user can make all servers ask, for example by creating and revoking tokens. Meanwhile, the servers concerned hear nothing, and so ask as
# often as without the hub's messages.
BURST, REFILL_SECONDS = 5, 5.0
RETRY_SECONDS = 0.5
LONGEST_BEAT, SHORTEST_BEAT = 2.0, 0.2  # seconds
BEATS = 0.4  # of the time for which a server trusts an answer
FULL = "This hub keeps as many connections as it may have open files for. Raise the limit of its service (LimitNOFILE)."
LIFE_SECONDS = 3600  # servers open another stream then
MOST_UNREAD = 65536  # bytes; a server that reads no more has lost its connection
STARTED = time.monotonic()


@dataclass(eq=False)
class Listener:
    """A server's stream, and the visitors about whom it has asked, with their groups at that time.

    name: random; the hub's answers about visitors name the stream that says when they change. token: the ID of the server's own token.
    beat: seconds between two lines. is_framed: whether the stream consists of HTTP's chunks.
    """

    client: str
    token: int
    stream: IOStream
    beat: float
    is_framed: bool
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    told: int = 0
    asked: dict[str, frozenset[str]] = field(default_factory=dict)
    ends: float = field(default_factory=lambda: time.monotonic() + LIFE_SECONDS * random.uniform(0.8, 1))
    next_beat: float = 0

    def concerned(self, changes: Collection[Change]) -> set[str] | None:
        """Return the names that changes concern, of those about whom the server has asked. None stands for everyone."""
        found: set[str] = set()
        for change in changes:
            if change.client not in ("", self.client):
                continue
            if change.name:
                found |= {change.name} & self.asked.keys()
            elif change.group:
                found |= {name for name, groups in self.asked.items() if change.group in groups}
            else:
                return None
        return found

    def tell(self, names: Collection[str] | None) -> None:
        """Make the server ask again."""
        for name in list(self.asked) if names is None else names:
            self.asked.pop(name, None)
        self.told += 1
        self.send(names if names is None else sorted(names))

    def send(self, *what: Any) -> None:
        now = time.monotonic()
        self.next_beat = now + self.beat
        line = json.dumps([round(now - STARTED, 3), self.told, *what]).encode() + b"\n"
        try:
            self.stream.write(b"%x\r\n%b\r\n" % (len(line), line) if self.is_framed else line)
        except StreamClosedError:
            pass
        except StreamBufferFullError:
            self.stream.close()


class Push:
    """The servers that listen, and the changes that they have not been told yet."""

    def __init__(self) -> None:
        self._listeners: dict[str, Listener] = {}
        self._pending: set[Change] = set()
        self._ended: set[int] = set()
        # How many times each change may be told now, and when that was computed.
        self._left: dict[Change, tuple[float, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None

    # From the database

    def note(self, changes: Collection[Change]) -> None:
        """Tell these changes to the servers concerned in a moment. Called while the database commits, so it only plans that."""
        if self._listeners:
            self._pending.update(changes)
            self._plan(GATHER_SECONDS)

    def token_ended(self, token: orm.APIToken) -> None:
        """End the stream of the server whose own token is being deleted."""
        if self._listeners:
            self._ended.add(token.id)
            self._plan(GATHER_SECONDS)

    def _plan(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is None or self._timer.when() > loop.time() + seconds:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_later(seconds, self._tell)

    def _tell(self) -> None:
        self._timer = None
        ended, self._ended = self._ended, set()
        for listener in list(self._listeners.values()):
            if listener.token in ended:
                listener.stream.close()
        pending, self._pending = self._pending, set()
        concerned = {each for each in pending if self._concerns_anyone(each)}
        ready = {each for each in concerned if self._may_tell(each)}
        self._pending |= concerned - ready
        for listener in self._listeners.values():
            if (names := listener.concerned(ready)) is None or names:
                listener.tell(names)
        if self._pending:
            self._plan(RETRY_SECONDS)

    def _concerns_anyone(self, change: Change) -> bool:
        return any(listener.concerned([change]) != set() for listener in self._listeners.values())

    def _may_tell(self, change: Change) -> bool:
        """Return whether a change may be told now, and count it."""
        now = time.monotonic()
        if len(self._left) > 10_000:
            self._left = {each: at for each, at in self._left.items() if now - at[1] < BURST * REFILL_SECONDS}
        left, since = self._left.get(change, (BURST, now))
        left = min(BURST, left + (now - since) / REFILL_SECONDS)
        is_ready = left >= 1
        self._left[change] = (left - 1 if is_ready else left), now
        return is_ready

    # From servers

    def takes(self, client: str) -> bool:
        """Return whether a server may listen. One that may not asks about its visitors every few seconds."""
        return client in self._listeners or has_room(len(self._listeners))

    def watch(self, client: str, stream: str, visitor: Any, seconds: float) -> dict[str, Any] | None:
        """Note that a server asks about a visitor, and return what it needs to know to trust the answer; None if it does not listen.

        stream: the name of the server's stream. Any client can say that it is the server, and only the server knows this name.
        seconds: for how long it may trust the answer if it hears of no change.
        """
        listener = self._listeners.get(client)
        if listener is None or listener.name != stream or seconds <= 0:
            return None
        groups = frozenset(group.name for group in getattr(visitor, "groups", []))
        # A service can have the name of a user.
        listener.asked[visitor.name] = listener.asked.get(visitor.name, frozenset()) | groups
        return {"stream": listener.name, "told": listener.told, "seconds": round(seconds, 1)}

    async def serve(self, listener: Listener) -> None:
        """Keep a server's stream until one side closes it. A newer stream of the same server takes its place."""
        if former := self._listeners.get(listener.client):
            former.stream.close()
        self._listeners[listener.client] = listener
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())
        listener.send()
        try:
            # Servers send nothing more. What arrives is the end of the connection, or from someone who is no server of ours.
            await listener.stream.read_bytes(1, partial=True)
        except StreamClosedError:
            pass
        finally:
            listener.stream.close()
            if self._listeners.get(listener.client) is listener:
                del self._listeners[listener.client]

    async def _beat(self) -> None:
        while self._listeners:
            now = time.monotonic()
            for listener in list(self._listeners.values()):
                if now > listener.ends:
                    listener.stream.close()
                elif now >= listener.next_beat and listener.concerned(self._pending) == set():
                    listener.send()
            await asyncio.sleep(SHORTEST_BEAT)


PUSH = Push()


class Changes(APIHandler):
    """The stream of a server. Only the server's own token opens it."""

    async def get(self) -> None:
        token = self.get_token()
        client = server_of(self, token)
        if token is None or not client:
            raise web.HTTPError(403, "Only servers can use this")
        if not PUSH.takes(client):
            raise web.HTTPError(503, FULL)
        listener_token, beat = token.id, self._beat()
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("X-Accel-Buffering", "no")  # nginx would keep lines until it has many
        self.set_header("Connection", "close")
        # A proxy may ask for us, and use a newer HTTP.
        is_framed = self.request.version != "HTTP/1.0"
        if is_framed:
            self.set_header("Transfer-Encoding", "chunked")
        name = secrets.token_hex(8)
        self.set_header(STREAM, name)
        await self.flush()
        stream = self.detach()
        stream.max_write_buffer_size = MOST_UNREAD
        self.log.info("%s listens to changes", client)
        await PUSH.serve(Listener(client, listener_token, stream, beat, is_framed, name))

    def _beat(self) -> float:
        try:
            seconds = float(self.get_argument("seconds", ""))
        except ValueError:
            raise web.HTTPError(400, "seconds must be a number") from None
        return max(SHORTEST_BEAT, min(LONGEST_BEAT, BEATS * seconds))  # also if it is not a number


def server_of(handler: APIHandler, token: orm.APIToken | None) -> str:
    """Return the OAuth client ID of the server whose own token this is; empty if it is another kind of token."""
    if token is None or token.user is None or token.client_id != "jupyterhub":
        return ""
    user = handler._user_from_orm(token.user)
    spawners = token.user.orm_spawners.items()
    return next(
        (each.oauth_client_id or "" for name, each in spawners if token.note == note_of(user, name)), ""
    )


def tell_changes() -> None:
    """From now on, tell the servers of this hub."""
    add_endpoint(f"/api/{CHANGES}", Changes)
    on_change(PUSH.note)
    if not event.contains(orm.APIToken, "after_delete", _token_ended):
        event.listen(orm.APIToken, "after_delete", _token_ended)


def _token_ended(_mapper: Any, _connection: Any, token: orm.APIToken) -> None:
    PUSH.token_ended(token)


def watched(handler: Any, token: orm.APIToken, client: str) -> dict[str, Any] | None:
    """Return what a server needs to know to trust the hub's answer about a token (see `Push.watch`)."""
    stream = handler.request.headers.get(STREAM, "")
    return PUSH.watch(client, stream, token.user or token.service, trusted_seconds(handler, token))


def trusted_seconds(handler: Any, token: orm.APIToken) -> float:
    """Return for how long an answer about a token holds if nothing changes in the database: tokens expire, and authenticators
    refresh what they know about a user when a server asks. 0 or less if the next request can have another answer.
    """
    seconds = LONGEST_TRUST * random.uniform(
        0.8, 1
    )  # so that not all answers about a hub's visitors end together
    if token.expires_at is not None:
        seconds = min(seconds, (token.expires_at - orm.APIToken.now()).total_seconds())
    user, authenticator = handler.current_user, handler.authenticator
    refreshes = getattr(type(authenticator), "refresh_user", None) is not Authenticator.refresh_user
    if isinstance(user, User) and authenticator.auth_refresh_age and refreshes:
        due = user._auth_refreshed + authenticator.auth_refresh_age if user._auth_refreshed else 0.0
        seconds = min(seconds, due - time.monotonic())
    return seconds
