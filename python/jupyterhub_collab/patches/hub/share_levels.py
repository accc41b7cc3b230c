# SPDX-License-Identifier: GPL-3.0-or-later
"""Give each share and link (share code) an access level, in the hub's database and its API.

`POST shares/...` and `POST share-codes/...` take a `level`, and `PATCH shares/...` changes the level of one share. Without it, a new share gets
the administrator's default. The levels are decided where the hub's code makes and changes shares, so no page and no call of the API gets
around them.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers import shares as handlers
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import maybe_future
from sqlalchemy.orm import Session
from tornado import web

from ...hub.share_levels import STORED, asked_level, given, highest_of, level_of, limits, to_store
from ...names import EDIT, NO_LEVEL
from ...within import within
from ..releases import patches_hub
from .more_fields import with_field

FIELD = "level"
# The level that the current request asks for, the lowest one that an accepted link gives, and the one to write; empty for none.
_asked: ContextVar[str] = ContextVar("asked", default=NO_LEVEL)
_accepted: ContextVar[str] = ContextVar("accepted", default=NO_LEVEL)
_written: ContextVar[str] = ContextVar("written", default=NO_LEVEL)


@patches_hub(
    "jupyterhub.orm:_Share.scopes",
    "jupyterhub.orm:Share.find(db, spawner, share_with)",
    "jupyterhub.orm:Share.grant(db, spawner, share_with, scopes)",
    "jupyterhub.orm:ShareCode.new(db, spawner)",
    "jupyterhub.orm:ShareCode.exchange(self, share_with)",
    "jupyterhub.apihandlers.shares:_ShareAPIHandler.share_model(self, share)",
    "jupyterhub.apihandlers.shares:_ShareAPIHandler.share_code_model(self, share_code, code)",
    "jupyterhub.apihandlers.shares:_ShareAPIHandler._lookup_spawner(self, user_name, server_name)",
    "jupyterhub.apihandlers.shares:ServerShareAPIHandler.post(self, user_name, server_name)",
    "jupyterhub.apihandlers.shares:ServerShareAPIHandler.patch(self, user_name, server_name)",
    "jupyterhub.apihandlers.shares:ServerShareCodeAPIHandler.post(self, user_name, server_name)",
    "jupyterhub.apihandlers.shares:ServerShareAPIHandler.get_json_body(self)",
    "jupyterhub.apihandlers.shares:ShareRevokeRequest",
    "jupyterhub.scopes:needs_scope",
)
def keep_share_levels(level: str = EDIT, highest: str = EDIT, *, can_view: bool = True) -> None:
    """From now on, keep them in this process.

    level: of shares and links whose creator asks for none. highest: of all shares and links, also of those that exist.
    can_view: whether this hub's servers enforce levels. If not, nobody can be a viewer.
    """
    limits.level, limits.highest, limits.can_view = level, highest, can_view
    if hasattr(orm._Share.scopes.fget, "keeps_levels"):
        return
    orm._Share.scopes = _by_level(orm._Share.scopes)
    orm.Share.grant = _granting(orm.Share.grant)
    orm.ShareCode.new = _creating(orm.ShareCode.new)
    orm.ShareCode.exchange = _exchanging(orm.ShareCode.exchange)
    for kind in (handlers.ServerShareAPIHandler, handlers.ServerShareCodeAPIHandler):
        kind.post = with_field(kind.post, FIELD, _asked, asked_level)
    handlers.ServerShareAPIHandler.patch = _changing(handlers.ServerShareAPIHandler.patch)
    for model in ("share_model", "share_code_model"):
        setattr(handlers._ShareAPIHandler, model, _telling(getattr(handlers._ShareAPIHandler, model)))


def _by_level(theirs: Any) -> property:
    """Return the property `scopes` of shares and links: what they give, at whatever level."""

    def read(share: Any) -> list[str]:
        return given(theirs.fget(share))

    def write(share: Any, scopes: list[str]) -> None:
        # Other code than ours keeps the level of a share.
        theirs.fset(share, to_store(scopes, _written.get() or level_of(share) or limits.level))

    read.keeps_levels = True  # type: ignore[attr-defined]
    return property(read, write)


def _granting(theirs: Any) -> classmethod[Any, Any, Any]:
    """Wrap the method through which every share is made."""

    def grant(
        _class: Any, /, db: Session, spawner: orm.Spawner, share_with: Any, *scopes: Any, **more: Any
    ) -> Any:
        share = orm.Share.find(db, spawner, share_with)
        before = level_of(share) if share is not None else NO_LEVEL
        # The owner decides. An accepted link, and a request without a level, take nothing from what a user already has.
        level = _asked.get() or highest_of(before, _accepted.get() or limits.level)
        with within(_written, level):
            share = theirs(db, spawner, share_with, *scopes, **more)
        # What only the highest level of this hub limits stays as it is.
        if _asked.get() or level_of(share) != level:
            set_level(db, share, level)
        return share

    return classmethod(grant)


def set_level(db: Session, share: orm.Share, level: str) -> None:
    """Change the level of a share."""
    scopes = [f"{STORED[level]}!server={share.owner.name}/{share.spawner.name}"]
    if share._scopes != scopes:
        share._scopes = scopes
        db.commit()


def _creating(theirs: Any) -> classmethod[Any, Any, Any]:
    """Wrap the method through which every link is made."""

    def new(_class: Any, /, *arguments: Any, **options: Any) -> Any:
        with within(_written, _asked.get() or limits.level):
            return theirs(*arguments, **options)

    return classmethod(new)


def _exchanging(theirs: Any) -> Any:
    """Wrap the method that gives access to a user who accepts a link."""

    @wraps(theirs)
    def exchange(code: orm.ShareCode, share_with: Any) -> Any:
        with within(_asked, NO_LEVEL), within(_accepted, level_of(code)):
            return theirs(code, share_with)

    return exchange


def _changing(theirs: Any) -> Any:
    """Wrap the handler that revokes a share, so that it can also change the level of one."""

    @wraps(theirs)
    async def patch(handler: Any, *arguments: Any, **named: Any) -> None:
        body = handler.get_json_body()
        names_level = isinstance(body, dict) and FIELD in body
        await maybe_future((_change if names_level else theirs)(handler, *arguments, **named))

    return patch


def _change_level(handler: Any, user_name: str, server_name: str | None = None) -> None:
    """Change the level of the share of one user or group. Never creates one: its owner may have revoked it in the meantime."""
    if server_name is None:
        raise web.HTTPError(405)
    body = {**handler.get_json_body()}
    level = asked_level(body.pop(FIELD))
    if "scopes" in body:
        raise web.HTTPError(400, "Name either a level or scopes")
    try:
        request = handlers.ShareRevokeRequest(**body)
    except handlers.ValidationError as error:
        raise web.HTTPError(400, str(error)) from error
    spawner = handler._lookup_spawner(user_name, server_name)
    if request.user:
        user = handler.find_user(request.user)
        holder = user and user.orm_user
    else:
        holder = orm.Group.find(handler.db, name=request.group)
    share = holder and orm.Share.find(handler.db, spawner, holder)
    if not share:
        raise web.HTTPError(404, f"{user_name}/{server_name} is not shared with that user or group")
    set_level(handler.db, share, level)
    handler.finish(json.dumps(handler.share_model(share)))


_change: Any = needs_scope("shares")(_change_level)


def _telling(theirs: Any) -> Any:
    """Wrap the method that describes a share or a link in the API."""

    @wraps(theirs)
    def model(handler: Any, share: Any, *more: Any, **options: Any) -> dict[str, Any]:
        return {**theirs(handler, share, *more, **options), FIELD: level_of(share)}

    return model
