# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep visitors out of servers without our guard.

A container image, a cluster node or an environment without this package still starts a server, as plain JupyterLab or another program.
There, visitors could stop the server, and users who edit at the same time would lose text. If other users can open the server,
the hub stops it before anyone gets access. Otherwise the server keeps running, but cannot be shared.
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

from ...names import GUARDED, NOT_SHARED, UNGUARDED
from ..releases import patches_hub
from .resume import resumes_by_itself

STOPPED = (
    "This server was stopped. Other users can open it, and its environment lacks the protection for live collaboration. Start another"
    " environment if you can, or ask your administrator to prepare this one."
)
# For the administrator: the server, and the reason.
STOPPED_LOG = "%s was stopped, because it is not protected: %s. To allow unprotected servers, set jupyterhub_rtc_refuse_unprepared to false."
NOT_SHARED_LOG = "%s cannot be shared while it runs, because it is not protected: %s."
LACKS = (
    "the collection's package is missing where it runs. Run the playbook jupyter_rtc again, with the host in jupyterhub_rtc_nodes if it is"
    " a node, and the script of jupyterhub_rtc_snippet in images and other environments"
)
RESUMES = (
    "its spawner resumed an older server, from before this hub protected its servers. Remove that server (such as its container), so that"
    " the next start creates a new one"
)
# IDs, in the hub's database, of servers that run without the guard.
_unguarded: set[int] = set()


@patches_hub(
    "jupyterhub.user:User._wait_up(self, spawner)",
    "jupyterhub.orm:Share.grant(db, spawner)",
    "jupyterhub.orm:ShareCode.new(db, spawner)",
)
def refuse_unprepared(starts: Callable[[Any], bool], is_open: Callable[[Any], bool]) -> None:
    """Stop each server that starts without the guard and that other users can open, and refuse to share any that runs without it.

    starts: whether this hub started the spawner's server. A server that was running when the hub started is not stopped.
    is_open: whether other users can open the spawner's server, or it counts as open because of `everyone` or `chosen`
    (see `collaboration`).
    """
    User._wait_up = _looking(User._wait_up, starts, is_open)
    for kind, method in ((orm.Share, "grant"), (orm.ShareCode, "new")):
        setattr(kind, method, _sharing(getattr(kind, method)))


def is_shared(spawner: Any) -> bool:
    """Return whether a server has shares or links."""
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
        # The server has just answered `_wait_up`, so do not let the hub treat it as gone.
        user.log.warning("Failed to find out whether %s is protected: %r", spawner._log_name, error)
        return False
    return GUARDED in answer.headers


def _refusal() -> Any:
    if kind := getattr(spawners, "SpawnException", None):
        refusal = kind(STOPPED, reason="unprepared")
    else:
        # JupyterHub 5 counts a refusal as a failed spawn, and exits after several (`consecutive_failure_limit`).
        settings = JupyterHub.instance().tornado_application.settings
        settings["failure_count"] = settings.get("failure_count", 0) - 1
        refusal = HTTPError(400, STOPPED)
    refusal.jupyterhub_message = STOPPED  # shown on the page that waits for the server
    return refusal


def _sharing(share: Any) -> classmethod[Any, Any, Any]:
    """Return a method that creates a share or a link, or raises 409 if the server runs without the guard."""

    def share_or_refuse(
        _class: Any, /, db: Any, spawner: orm.Spawner, *arguments: Any, **options: Any
    ) -> Any:
        if spawner.server is not None and spawner.id in _unguarded:
            raise HTTPError(UNGUARDED, NOT_SHARED)
        return share(db, spawner, *arguments, **options)

    return classmethod(share_or_refuse)
