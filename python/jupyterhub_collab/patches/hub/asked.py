# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the hub's pages whose server a request was about.

Templates get the message of an error, but not the address that was requested.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.handlers.base import BaseHandler, UserUrlHandler
from jupyterhub.handlers.pages import SpawnHandler, SpawnPendingHandler

from ...names import ASKED
from ..releases import patches_hub

# An address can contain any text, and a page must not show such text as if it were the hub's own words.
NAME = re.compile(r"[\w.@+-]{1,64}")


@dataclass(frozen=True)
class Asked:
    """A server of another user that a request was about. Neither the server nor the user needs to exist.

    owner: the name in the address, if it can be the name of a user; otherwise empty. server: what follows in the address,
    which can be the beginning of a path on the default server.
    """

    owner: str
    server: str = ""


@patches_hub(
    "jupyterhub.handlers.base:BaseHandler.template_namespace",
    "jupyterhub.handlers.base:UserUrlHandler.get(self, user_name, user_path)",
    "jupyterhub.handlers.pages:SpawnHandler.get(self, user_name, server_name)",
    "jupyterhub.handlers.pages:SpawnPendingHandler.get(self, user_name, server_name)",
    "jupyterhub.apihandlers.auth:OAuthAuthorizeHandler.get(self)",
)
def tell_pages_what_was_asked() -> None:
    """Give the templates of these handlers a variable `collab_asked`: an `Asked`, or None if the server is the visitor's own or unknown."""
    UserUrlHandler.template_namespace = property(_with_asked)
    SpawnHandler.template_namespace = property(_with_asked)
    SpawnPendingHandler.template_namespace = property(_with_asked)
    OAuthAuthorizeHandler.template_namespace = property(_with_asked)


def _with_asked(handler: Any) -> dict[str, Any]:
    namespace: dict[str, Any] = BaseHandler.template_namespace.fget(handler)
    return {**namespace, ASKED: _asked(handler)}


def _asked(handler: Any) -> Asked | None:
    """Return what the address says, and nothing that the hub knows: the page is the same whether the user and the server exist or not."""
    (owner, server), visitor = _in_address(handler), handler.current_user
    if not owner or visitor is None or owner == visitor.name:
        return None
    return Asked(owner if NAME.fullmatch(owner) else "", server)


def _in_address(handler: Any) -> tuple[str, str]:
    """Return the owner in an address, and what follows, which may be the name of a server; empty for none."""
    if isinstance(handler, OAuthAuthorizeHandler):
        # A server names itself by the address to which the hub sends its visitors back.
        path = urlsplit(handler.get_query_argument("redirect_uri", "")).path
        found = re.match(rf"{re.escape(handler.base_url)}user/([^/]+)/(?:([^/]+)/)?", path)
        return (unquote(found[1]), unquote(found[2] or "")) if found else ("", "")
    named = [*(handler.path_kwargs or {}).values(), *(handler.path_args or ()), "", ""][:2]
    owner, server = (
        each if isinstance(each, str) else "" for each in named
    )  # a request that ended early has bytes
    return owner, server.lstrip("/").partition("/")[0]
