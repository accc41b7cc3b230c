# SPDX-License-Identifier: GPL-3.0-or-later
"""Let `POST share-codes/...` take the path of the document that the link opens, and `GET share-codes/...` return it."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers import shares as handlers
from tornado import web

from ...hub.link_documents import documents_of, keep
from ..releases import patches_hub
from .more_fields import with_field

FIELD = "document"
# The path that the current request names; empty for none.
_asked: ContextVar[str] = ContextVar("asked_document", default="")


@patches_hub(
    "jupyterhub.orm:ShareCode.new(db, spawner)",
    "jupyterhub.apihandlers.shares:_ShareAPIHandler.share_code_model(self, share_code, code)",
    "jupyterhub.apihandlers.shares:ServerShareCodeAPIHandler.post(self, user_name, server_name)",
)
def keep_link_documents() -> None:
    """From now on, keep the paths of documents that links open."""
    if hasattr(handlers.ServerShareCodeAPIHandler.post, "takes_document"):
        return
    orm.ShareCode.new = _creating(orm.ShareCode.new)
    post = with_field(handlers.ServerShareCodeAPIHandler.post, FIELD, _asked, _path)
    post.takes_document = True
    handlers.ServerShareCodeAPIHandler.post = post
    handlers._ShareAPIHandler.share_code_model = _telling(handlers._ShareAPIHandler.share_code_model)


def _creating(theirs: Any) -> classmethod[Any, Any, Any]:
    def new(_class: Any, /, db: Any, *arguments: Any, **options: Any) -> Any:
        link, code = theirs(db, *arguments, **options)
        keep(db, link, _asked.get())
        return link, code

    return classmethod(new)


def _path(value: Any) -> str:
    if not isinstance(value, str):
        raise web.HTTPError(400, f"The {FIELD} must be the path of a file, as text")
    return value


def _telling(theirs: Any) -> Any:
    @wraps(theirs)
    def model(handler: Any, link: Any, *more: Any, **options: Any) -> dict[str, Any]:
        # A list has many links to few servers. Its handler, which serves one request, asks once for each server.
        known = vars(handler).setdefault("documents_of_links", {})
        if link.spawner_id not in known:
            known[link.spawner_id] = documents_of(handler.db, link.spawner_id)
        document = known[link.spawner_id].get(link.hashed, "")
        return {**theirs(handler, link, *more, **options), FIELD: document}

    return model
