# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is changing a document just now: each update in the history names the editing session that it came in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .history import History


@dataclass
class Session:
    """One connection of one person to one document. number: that of the history, as soon as they have changed something."""

    username: str
    number: int = 0
    generation: int = 0


# Each connection is served by a task of its own, which applies what comes through it.
_SESSION: ContextVar[Session | None] = ContextVar("editing_session", default=None)


@contextmanager
def editing_as(user: Any) -> Iterator[None]:
    """What is changed meanwhile, in this task, is changed by a `jupyter_server.auth.User`."""
    token = _SESSION.set(Session(str(getattr(user, "username", ""))))
    try:
        yield
    finally:
        _SESSION.reset(token)


def current_edit(past: History, document: str) -> int | None:
    """Return the number of the editing session in which a document is being changed; None where the server itself changes it."""
    session = _SESSION.get()
    if session is None:
        return None
    if not session.number or session.generation != past.generation:
        session.number, session.generation = past.begin_edit(document, session.username), past.generation
    return session.number or None
