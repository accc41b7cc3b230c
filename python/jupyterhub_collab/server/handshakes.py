# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests may become websockets: those of pages of this very server, and of programs.

A browser lets a page of any address open a websocket here, and sends its visitor's sign-in along where both are below one domain, as
servers with a domain each are. So a server has to look where a page is from. Jupyter's own handlers do. That of jupyter-collaboration
lets every page in, which could then read and write the documents of the person who has it open.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

OTHER_PAGE = "Pages from another address cannot open websockets here"
NO_HANDSHAKE = "This address is for websockets"
# Without one of these, tornado makes no websocket of a request.
VERSIONS = ("7", "8", "13")
NEEDED = ("Host", "Sec-WebSocket-Key")


def refuse_other_pages(handler: Any) -> None:
    """Raise HTTPError where a page of another address opens a websocket, and the administrator has not allowed that (`allow_origin`)."""
    if isinstance(handler, JupyterHandler) and not JupyterHandler.check_origin(handler):
        raise HTTPError(403, OTHER_PAGE, reason=OTHER_PAGE)


def refuse_other_requests(handler: Any) -> None:
    """Raise HTTPError where a request is no whole handshake, and so never becomes a websocket."""
    headers = handler.request.headers
    wishes = [each.strip().lower() for each in headers.get("Connection", "").split(",")]
    if (
        headers.get("Upgrade", "").lower() != "websocket"
        or "upgrade" not in wishes
        or headers.get("Sec-WebSocket-Version") not in VERSIONS
        or not all(headers.get(name) for name in NEEDED)
    ):
        raise HTTPError(400, NO_HANDSHAKE, reason=NO_HANDSHAKE)
