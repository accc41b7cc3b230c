# SPDX-License-Identifier: GPL-3.0-or-later
"""Let `POST share-codes/...` take the path of the document that the link opens, and `GET share-codes/...` return it."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers import shares as handlers
from jupyterhub.utils import maybe_future
from tornado import web

from ...hub.link_documents import document_of, keep
from ...within import within
from ..releases import patches_hub

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
    handlers.ServerShareCodeAPIHandler.post = _asking(handlers.ServerShareCodeAPIHandler.post)
    handlers._ShareAPIHandler.share_code_model = _telling(handlers._ShareAPIHandler.share_code_model)


def _creating(theirs: Any) -> classmethod[Any, Any, Any]:
    def new(_class: Any, /, db: Any, *arguments: Any, **options: Any) -> Any:
        link, code = theirs(db, *arguments, **options)
        keep(db, link, _asked.get())
        return link, code

    return classmethod(new)


def _asking(theirs: Any) -> Any:
    @wraps(theirs)
    async def post(handler: Any, *arguments: Any, **named: Any) -> None:
        read = handler.get_json_body

        # The hub reads the request only after it has checked what its sender may do.
        def read_without_document() -> Any:
            body = read()
            if not isinstance(body, dict) or FIELD not in body:
                return body
            if not isinstance(body[FIELD], str):
                raise web.HTTPError(400, f"The {FIELD} must be the path of a file, as text")
            _asked.set(body[FIELD])
            return {name: value for name, value in body.items() if name != FIELD}

        handler.get_json_body = read_without_document
        with within(_asked, ""):
            await maybe_future(theirs(handler, *arguments, **named))

    post.takes_document = True  # type: ignore[attr-defined]
    return post


def _telling(theirs: Any) -> Any:
    @wraps(theirs)
    def model(handler: Any, link: Any, *more: Any, **options: Any) -> dict[str, Any]:
        return {**theirs(handler, link, *more, **options), FIELD: document_of(handler.db, link)}

    return model
