# SPDX-License-Identifier: GPL-3.0-or-later
"""Log who granted access to whom, when and until when: one line of JSON for each event of a share or link.

    {"time": "2026-11-21T10:00:00.040075Z", "event": "link made", "owner": "alice", "server": "", "by": "alice", ...}

event: `link made`, `link used`, `link ended`, `access given`, `level changed`, `access ended`, `access requested`, `request accepted` or
`request declined`. level: `view` or `edit`; was: the one before. owner, server: names; the default server's is empty.
by: the user who made the request, or null if there was no request. link: the link's ID, as in the API. user, group: who has access, or asks
for it. expires_at: when the link expires. because: why a link or access ended: `revoked`, `left`, `expired`, `server stopped`, or `deleted` if the
server, user or group was deleted. No line contains a secret: neither a link's code nor a part of it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter
from contextlib import AbstractContextManager
from contextvars import ContextVar
from logging.handlers import WatchedFileHandler
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import isoformat, utcnow
from sqlalchemy import event, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session, object_session
from traitlets.log import get_logger

from ..within import within
from .callers import callers
from .share_levels import level_in, level_of

LEFT, REVOKED, EXPIRED, DELETED = "left", "revoked", "expired", "deleted"
ENDED_WITH_THE_SERVER = "server stopped"
CAUSES = (REVOKED, LEFT, EXPIRED, ENDED_WITH_THE_SERVER, DELETED)
# How many shares and links have ended since the hub's process started: by kind, which is `user`, `group` or `link`, and by cause.
ended: Counter[tuple[str, str]] = Counter()
_cause: ContextVar[str] = ContextVar("cause", default="")
_log = logging.getLogger("jupyterhub_collab.shares")


def because(cause: str) -> AbstractContextManager[None]:
    """Log this cause for everything that ends inside the context."""
    return within(_cause, cause)


class _LogFile(WatchedFileHandler):
    """A log file that may be rotated at any time. It is created with the first event, with mode 0640.

    Events that cannot be written go to the hub's own log, so none is lost. An exception here would interrupt a change to the database, and
    a revoked guest would keep access.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Write the event to the hub's log. The base class also calls this when a write fails, for example on a full disk."""
        words = "Failed to write a sharing event to %s (%s): %s"
        get_logger().error(words, self.baseFilename, sys.exc_info()[1], record.getMessage())

    def _open(self) -> Any:
        def for_the_group(path: str, flags: int) -> int:
            return os.open(path, flags, 0o640)

        return open(self.baseFilename, self.mode, encoding="utf-8", opener=for_the_group)


def log_shares(path: str) -> None:
    """From now on, append events of shares and links to a file. Without a path, write them to the hub's own log."""
    handler = _LogFile(path, delay=True) if path else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False
    event.listen(orm.ShareCode, "after_insert", _link_made)
    event.listen(orm.ShareCode, "after_update", _link_used)
    event.listen(orm.ShareCode, "after_delete", _link_ended)
    event.listen(orm.Share, "after_insert", _access_given)
    event.listen(orm.Share, "after_update", _level_changed)
    event.listen(orm.Share, "after_delete", _access_ended)
    event.listen(Session, "do_orm_execute", _many_end)


def _many_end(statement: ORMExecuteState) -> None:
    """Log the rows that one statement deletes. The hub uses one when it revokes all shares or links of a server."""
    if not statement.is_delete or statement.bind_mapper is None:
        return
    kind = statement.bind_mapper.class_
    if tell := {orm.ShareCode: _link_ended, orm.Share: _access_ended}.get(kind):
        where = getattr(statement.statement, "whereclause", None)
        doomed = select(kind) if where is None else select(kind).where(where)
        for each in statement.session.scalars(doomed):
            tell(None, None, each)


def _link_made(_mapper: Any, _connection: Any, code: orm.ShareCode) -> None:
    _tell(
        "link made", code, link=f"sc_{code.id}", level=level_of(code), expires_at=isoformat(code.expires_at)
    )


def _link_used(_mapper: Any, _connection: Any, code: orm.ShareCode) -> None:
    if inspect(code).attrs.exchange_count.history.has_changes():
        _tell("link used", code, link=f"sc_{code.id}", level=level_of(code))


def _link_ended(_mapper: Any, _connection: Any, code: orm.ShareCode) -> None:
    why = _cause.get() or _deleted(code) or (EXPIRED if code.expired else REVOKED)
    _tell("link ended", code, link=f"sc_{code.id}", because=why)
    ended["link", why] += 1


def _access_given(_mapper: Any, _connection: Any, share: orm.Share) -> None:
    _tell("access given", share, **_whom(share), level=level_of(share))


def _level_changed(_mapper: Any, _connection: Any, share: orm.Share) -> None:
    history = inspect(share).attrs._scopes.history
    was = level_in(history.deleted[0] or ()) if history.deleted else ""
    if history.has_changes() and was != level_of(share):
        _tell("level changed", share, **_whom(share), level=level_of(share), was=was)


def _access_ended(_mapper: Any, _connection: Any, share: orm.Share) -> None:
    by, guest = _actor(), share.user.name if share.user else None
    why = _cause.get() or _deleted(share) or (LEFT if by is not None and by == guest else REVOKED)
    _tell("access ended", share, **_whom(share), because=why)
    ended["user" if share.user_id or share.user else "group", why] += 1


def _deleted(share: orm.Share | orm.ShareCode) -> str:
    """Return `deleted` if the share or link goes because its owner, server, user or group is being deleted; otherwise empty."""
    session = object_session(share)
    about = (share.owner, share.spawner, getattr(share, "user", None), getattr(share, "group", None))
    return DELETED if session and any(each in session.deleted for each in about if each) else ""


def _whom(share: orm.Share) -> dict[str, str]:
    return {"user": share.user.name} if share.user else {"group": share.group.name if share.group else ""}


def _actor() -> str | None:
    """Return the name of the user whose request is being handled, None without a request."""
    user = next((handler.current_user for handler in callers(BaseHandler)), None)
    return str(user.name) if user else None


def log_request(what: str, owner: str, server: str, user: str) -> None:
    """Log an event of a request for access. owner: the name in the request, which need not be a user's. user: who asks."""
    _write(what, owner, server, user=user)


def _tell(what: str, share: orm.Share | orm.ShareCode, **more: Any) -> None:
    owner, spawner = share.owner, share.spawner
    _write(what, owner.name if owner else None, spawner.name if spawner else None, **more)


def _write(what: str, owner: str | None, server: str | None, **more: Any) -> None:
    line = {
        "time": isoformat(utcnow()),
        "event": what,
        "owner": owner,
        "server": server,
        "by": _actor(),
        **more,
    }
    _log.info("%s", json.dumps(line))
