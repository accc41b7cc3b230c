# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide which requests can become websockets: those of this server's own pages, and of programs.

A browser lets a page from any address open a websocket here. If both addresses are below one domain, as with a domain per server, it also
sends the visitor's sign-in. So a server must check where a page comes from. Jupyter's own handlers do. The handler of jupyter-collaboration
accepts every page, which could then read and write the documents of the person who has it open.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

OTHER_PAGE = "Pages from another address cannot open websockets here"
NO_HANDSHAKE = "This address is for websockets"
# tornado opens a websocket only with one of these versions, and with all of these headers.
VERSIONS = ("7", "8", "13")
NEEDED = ("Host", "Sec-WebSocket-Key")


def refuse_other_pages(handler: Any) -> None:
    """Raise HTTPError if a page from another address opens a websocket, unless the administrator allows that (`allow_origin`)."""
    if isinstance(handler, JupyterHandler) and not JupyterHandler.check_origin(handler):
        raise HTTPError(403, OTHER_PAGE, reason=OTHER_PAGE)


def refuse_other_requests(handler: Any) -> None:
    """Raise HTTPError if a request is not a complete handshake, and so would never become a websocket."""
    headers = handler.request.headers
    wishes = [each.strip().lower() for each in headers.get("Connection", "").split(",")]
    if (
        headers.get("Upgrade", "").lower() != "websocket"
        or "upgrade" not in wishes
        or headers.get("Sec-WebSocket-Version") not in VERSIONS
        or not all(headers.get(name) for name in NEEDED)
    ):
        raise HTTPError(400, NO_HANDSHAKE, reason=NO_HANDSHAKE)
