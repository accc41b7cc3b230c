# SPDX-License-Identifier: GPL-3.0-or-later
"""Limit how often a user may open sharing links that do not exist, and how many links a server may have."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers.pages import AcceptShareHandler
from tornado import web

from ...hub.callers import callers
from ..releases import patches_hub

TOO_MANY = 429
SECONDS = 60
GUESSED = "You have opened too many sharing links that do not exist. Wait a minute, then open your link again"
FULL = "This server has {most} sharing links, which is the limit on this hub. Revoke some of them first"


@patches_hub(
    "jupyterhub.orm:ShareCode.find(db, code)",
    "jupyterhub.handlers.pages:AcceptShareHandler",
)
def limit_guesses(per_minute: int) -> None:
    """Refuse all links to a user who, within the last minute, has opened `per_minute` links that do not exist."""
    theirs = orm.ShareCode.find
    # Count by user, because only logged-in users can open a link.
    wrong: defaultdict[str, deque[float]] = defaultdict(deque)

    def find(_class: Any, /, db: Any, code: str, **options: Any) -> orm.ShareCode | None:
        page = next(iter(callers(AcceptShareHandler)), None)
        if page is None:
            return theirs(db, code, **options)
        guesses, now = wrong[page.current_user.name], time.monotonic()
        while guesses and guesses[0] < now - SECONDS:
            guesses.popleft()
        if len(guesses) >= per_minute:
            raise web.HTTPError(TOO_MANY, GUESSED)
        found = theirs(db, code, **options)
        if found is None:
            guesses.append(now)
        return found

    orm.ShareCode.find = classmethod(find)


@patches_hub("jupyterhub.orm:ShareCode.new(db, spawner)")
def limit_links(most: int) -> None:
    """Refuse to create a link for a server that has `most` valid ones."""
    theirs = orm.ShareCode.new

    def new(_class: Any, /, db: Any, spawner: orm.Spawner, **options: Any) -> Any:
        links = db.query(orm.ShareCode).filter_by(spawner_id=spawner.id)
        if sum(not link.expired for link in links) >= most:
            raise web.HTTPError(TOO_MANY, FULL.format(most=most))
        return theirs(db, spawner, **options)

    orm.ShareCode.new = classmethod(new)
