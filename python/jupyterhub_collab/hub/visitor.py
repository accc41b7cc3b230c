# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub's pages tell their visitor: their name, and the servers of others that they can use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyterhub import scopes
from sqlalchemy.orm import object_session

from ..names import SERVERS
from .access_requests import SHOWN, Request, asked, can_be_asked, offer, waiting
from .usable import Usable, usable


class Visitor:
    """The visitor of a page. The template's `user` may be the owner of a server instead.

    user: the hub's.
    """

    def __init__(self, user: Any, seconds: float) -> None:
        self.user = user
        self._seconds = seconds

    @property
    def name(self) -> str:
        return str(self.user.name)

    def may_start(self, owner: str, server: str = "") -> bool:
        """Return whether the visitor can start and stop a server."""
        orm_user = self.user.orm_user
        held = scopes.parse_scopes(scopes.get_scopes_for(orm_user))
        return bool(scopes.has_scope(f"{SERVERS}!server={owner}/{server}", held, db=object_session(orm_user)))

    def may_ask(self, owner: str) -> bool:
        """Return whether the visitor can ask for access to the servers of a user with this name, who need not exist."""
        return can_be_asked(owner) and owner != self.name

    def asked(self, owner: str) -> Request | None:
        """Return the visitor's request to a user with this name."""
        return asked(self.user.orm_user, owner)

    def requests(self) -> str:
        """Return how many requests the visitor can answer, in digits, with `or more` after the highest number; empty for none."""
        orm_user = self.user.orm_user
        number = len(waiting(orm_user)) if offer.allowed else 0
        held = scopes.parse_scopes(scopes.get_scopes_for(orm_user)) if number else {}
        if not scopes.has_scope(f"shares!user={self.name}", held, db=object_session(orm_user)):
            return ""
        return f"{number} or more" if number == SHOWN else str(number)

    def servers(self) -> list[Usable]:
        """Return the servers of others that the visitor can use."""
        return usable(self.user.orm_user, self._seconds)


def for_pages(seconds: float) -> Callable[[Any], Visitor | None]:
    """Return a template variable for the hub's pages: a function that returns the `Visitor` for a page's user, None for nobody.

    seconds: how long people count as being on a server after it has last asked the hub about them.
    """
    return lambda user: None if user is None else Visitor(user, seconds)
