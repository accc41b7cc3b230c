# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps people out of servers that nothing guards.

A container image, a node of a cluster or an environment without this package starts a server all the same, as plain JupyterLab or as
something else: visitors could end it, and what people type at the same time would be lost. The hub stops it before anyone gets in where
others may come. Where nobody may, it goes on, and cannot be shared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub import spawner as spawners
from jupyterhub.app import JupyterHub
from jupyterhub.user import User
from jupyterhub.utils import make_ssl_context
from sqlalchemy.orm import object_session
from tornado.web import HTTPError

from ..names import GUARDED, NOT_SHARED, UNGUARDED
from .resume import resumes_by_itself

STOPPED = (
    "This server was stopped. Other users can open it, and its environment lacks the protection for live collaboration. Start another"
    " environment if you can, or ask your administrator to prepare this one."
)
# To the administrator: which server, and why.
STOPPED_LOG = "%s was stopped, because it is not protected: %s. To allow unprotected servers, set jupyterhub_rtc_refuse_unprepared to false."
NOT_SHARED_LOG = "%s cannot be shared while it runs, because it is not protected: %s."
LACKS = (
    "the collection's package is missing where it runs. Run the playbook jupyter_rtc again, and the script of"
    " jupyterhub_rtc_snippet in images and other environments"
)
RESUMES = (
    "its spawner resumed an older server, from before this hub protected its servers. Remove that server (such as its container), so that"
    " the next start creates a new one"
)
# The servers that run unguarded, by their numbers in the hub's database.
_unguarded: set[int] = set()


def refuse_unprepared(starts: Callable[[Any], bool], is_open: Callable[[Any], bool]) -> None:
    """Have the hub stop each server that starts unguarded though others may come in, and share none that runs unguarded.

    starts: whether the server of a spawner is one that this hub has just started; one that runs when the hub starts goes on.
    is_open: whether others may come in.
    """
    User._wait_up = _looking(User._wait_up, starts, is_open)
    for kind, method in ((orm.Share, "grant"), (orm.ShareCode, "new")):
        setattr(kind, method, _sharing(getattr(kind, method)))


def is_shared(spawner: Any) -> bool:
    """Return whether a server has guests or links, by which someone may come in."""
    db = object_session(spawner.orm_spawner)
    assert db is not None
    kinds = (orm.Share, orm.ShareCode)
    return any(db.query(kind).filter_by(spawner_id=spawner.orm_spawner.id).first() for kind in kinds)


def _looking(wait_up: Any, starts: Callable[[Any], bool], is_open: Callable[[Any], bool]) -> Any:
    @wraps(wait_up)
    async def wait_up_and_look(user: Any, spawner: Any) -> Any:
        await wait_up(user, spawner)
        number = spawner.orm_spawner.id
        if await _is_guarded(user, spawner):
            _unguarded.discard(number)
            return spawner
        if starts(spawner):
            why = RESUMES if resumes_by_itself(spawner) else LACKS
            if is_open(spawner):
                user.log.error(STOPPED_LOG, spawner._log_name, why)
                await user.stop(spawner.name)
                raise _refusal()
            user.log.warning(NOT_SHARED_LOG, spawner._log_name, why)
        _unguarded.add(number)
        return spawner

    return wait_up_and_look


async def _is_guarded(user: Any, spawner: Any) -> bool:
    key, certificate, authority = (
        user.settings.get(f"internal_ssl_{name}") for name in ("key", "cert", "ca")
    )
    try:
        answer = await spawner.server.wait_up(
            http=True,
            timeout=spawner.http_timeout,
            ssl_context=make_ssl_context(key, certificate, cafile=authority),
            extra_path="api",
        )
    except Exception as error:
        # It has just answered: the hub must not take it for one that is gone.
        user.log.warning("Failed to find out whether %s is protected: %r", spawner._log_name, error)
        return False
    return GUARDED in answer.headers


def _refusal() -> Any:
    if kind := getattr(spawners, "SpawnException", None):
        refusal = kind(STOPPED, reason="unprepared")
    else:
        # Before JupyterHub 6 the hub counts a refusal as a failure of its own, and ends after some (`consecutive_failure_limit`).
        settings = JupyterHub.instance().tornado_application.settings
        settings["failure_count"] = settings.get("failure_count", 0) - 1
        refusal = HTTPError(400, STOPPED)
    refusal.jupyterhub_message = STOPPED  # of the page that waits for the server
    return refusal


def _sharing(share: Any) -> classmethod[Any, Any, Any]:
    """Return a method of the hub's that makes a share or a link, or refuses it with 409."""

    def share_or_refuse(
        _class: Any, /, db: Any, spawner: orm.Spawner, *arguments: Any, **options: Any
    ) -> Any:
        if spawner.server is not None and spawner.id in _unguarded:
            raise HTTPError(UNGUARDED, NOT_SHARED)
        return share(db, spawner, *arguments, **options)

    return classmethod(share_or_refuse)
