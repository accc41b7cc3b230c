# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gave whom what, when and until when: a line of JSON for everything that happens to shares and links.

    {"time": "2026-11-21T10:00:00+00:00", "event": "link made", "owner": "alice", "server": "", "by": "alice", ...}

event: `link made`, `link used`, `link ended`, `access given`, `access ended`. owner, server: whose server it is about, and its name, which
is empty for the default one. by: the user whose request it was; null where there was none. link: the id of a link, as the API has it.
user, group: who has access. expires_at: when a link ends. because: why something ended, one of `revoked`, `left`, `expired`,
`server stopped` and `deleted`, which is a server, user or group that is no more. No line holds a secret: neither the code of a
link nor a part of it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from logging.handlers import WatchedFileHandler
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import isoformat, utcnow
from sqlalchemy import event, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session, object_session
from traitlets.log import get_logger

from .callers import callers

ENDED_WITH_THE_SERVER = "server stopped"
_cause: ContextVar[str] = ContextVar("cause", default="")
_log = logging.getLogger("jupyterhub_collab.shares")


@contextlib.contextmanager
def because(cause: str) -> Iterator[None]:
    """Have what ends meanwhile say that this is why."""
    token = _cause.set(cause)
    try:
        yield
    finally:
        _cause.reset(token)


class _LogFile(WatchedFileHandler):
    """A file that may be rotated at any time, made when there is something to say, and not for everyone to read.

    What cannot be written to it goes to the hub's own log: nothing of what happened is lost, and nothing fails for it. An
    exception here would interrupt a change of the database, and a revoked guest would keep access.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Called as well where writing fails, on a full disk. Says it in the hub's log."""
        words = "Failed to write a sharing event to %s (%s): %s"
        get_logger().error(words, self.baseFilename, sys.exc_info()[1], record.getMessage())

    def _open(self) -> Any:
        def for_the_group(path: str, flags: int) -> int:
            return os.open(path, flags, 0o640)

        return open(self.baseFilename, self.mode, encoding="utf-8", opener=for_the_group)


def log_shares(path: str) -> None:
    """Append to a file what happens to shares and links from now on; without a path to the hub's own log."""
    handler = _LogFile(path, delay=True) if path else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False
    event.listen(orm.ShareCode, "after_insert", _link_made)
    event.listen(orm.ShareCode, "after_update", _link_used)
    event.listen(orm.ShareCode, "after_delete", _link_ended)
    event.listen(orm.Share, "after_insert", _access_given)
    event.listen(orm.Share, "after_delete", _access_ended)
    event.listen(Session, "do_orm_execute", _many_end)


def _many_end(statement: ORMExecuteState) -> None:
    """Tell of what one statement deletes, as the hub does where everything of a server ends at once."""
    if not statement.is_delete or statement.bind_mapper is None:
        return
    kind = statement.bind_mapper.class_
    if tell := {orm.ShareCode: _link_ended, orm.Share: _access_ended}.get(kind):
        where = getattr(statement.statement, "whereclause", None)
        doomed = select(kind) if where is None else select(kind).where(where)
        for each in statement.session.scalars(doomed):
            tell(None, None, each)


def _link_made(_mapper: Any, _connection: Any, code: orm.ShareCode) -> None:
    _tell("link made", code, link=f"sc_{code.id}", expires_at=isoformat(code.expires_at))


def _link_used(_mapper: Any, _connection: Any, code: orm.ShareCode) -> None:
    if inspect(code).attrs.exchange_count.history.has_changes():
        _tell("link used", code, link=f"sc_{code.id}")


def _link_ended(_mapper: Any, _connection: Any, code: orm.ShareCode) -> None:
    why = _cause.get() or _deleted(code) or ("expired" if code.expired else "revoked")
    _tell("link ended", code, link=f"sc_{code.id}", because=why)


def _access_given(_mapper: Any, _connection: Any, share: orm.Share) -> None:
    _tell("access given", share, **_whom(share))


def _access_ended(_mapper: Any, _connection: Any, share: orm.Share) -> None:
    by, guest = _actor(), share.user.name if share.user else None
    why = _cause.get() or _deleted(share) or ("left" if by is not None and by == guest else "revoked")
    _tell("access ended", share, **_whom(share), because=why)


def _deleted(share: orm.Share | orm.ShareCode) -> str:
    """Return the reason where a share or link goes with someone or something that it is about."""
    session = object_session(share)
    about = (share.owner, share.spawner, getattr(share, "user", None), getattr(share, "group", None))
    return "deleted" if session and any(each in session.deleted for each in about if each) else ""


def _whom(share: orm.Share) -> dict[str, str]:
    return {"user": share.user.name} if share.user else {"group": share.group.name if share.group else ""}


def _actor() -> str | None:
    """Return the name of the user whose request is being answered."""
    user = next((handler.current_user for handler in callers(BaseHandler)), None)
    return str(user.name) if user else None


def _tell(what: str, share: orm.Share | orm.ShareCode, **more: Any) -> None:
    line = {
        "time": isoformat(utcnow()),
        "event": what,
        "owner": share.owner.name if share.owner else None,
        "server": share.spawner.name if share.spawner else None,
        "by": _actor(),
        **more,
    }
    _log.info("%s", json.dumps(line))
