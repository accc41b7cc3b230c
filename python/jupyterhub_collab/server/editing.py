# SPDX-License-Identifier: GPL-3.0-or-later
"""Track who is changing a document: each update in the history names its editing session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .history import History


@dataclass
class Session:
    """One connection of one person to one document.

    number: the editing session's number in the history; 0 until the person changes something.
    generation: the generation of the history that the number belongs to.
    """

    username: str
    number: int = 0
    generation: int = 0


# Each connection has its own task, which applies the updates that arrive through it.
_SESSION: ContextVar[Session | None] = ContextVar("editing_session", default=None)


@contextmanager
def editing_as(user: Any) -> Iterator[None]:
    """Attribute what this task changes in this context to a `jupyter_server.auth.User`."""
    token = _SESSION.set(Session(str(getattr(user, "username", ""))))
    try:
        yield
    finally:
        _SESSION.reset(token)


def current_edit(past: History, document: str) -> int | None:
    """Return the number of the editing session that is changing a document; None if the server itself changes it."""
    session = _SESSION.get()
    if session is None:
        return None
    if not session.number or session.generation != past.generation:
        session.number, session.generation = past.begin_edit(document, session.username), past.generation
    return session.number or None
