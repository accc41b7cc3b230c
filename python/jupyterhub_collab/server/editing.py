# SPDX-License-Identifier: GPL-3.0-or-later
"""Track who is changing a document: each update in the history names its editing session."""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ..within import within
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


def editing_as(user: Any) -> AbstractContextManager[None]:
    """Attribute what this task changes in this context to a `jupyter_server.auth.User`."""
    return within(_SESSION, Session(str(getattr(user, "username", ""))))


def current_edit(past: History, document: str) -> int | None:
    """Return the number of the editing session that is changing a document; None if the server itself changes it."""
    session = _SESSION.get()
    if session is None:
        return None
    if not session.number or session.generation != past.generation:
        session.number, session.generation = past.begin_edit(document, session.username), past.generation
    return session.number or None
