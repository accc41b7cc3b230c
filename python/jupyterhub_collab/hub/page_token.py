# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer only the sharing page, which asks with a token of its user."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from tornado import web

from ..names import PAGE_CLIENT


def token_of_page(handler: Any) -> orm.APIToken:
    """Return the token of a request to the hub's API. Raises HTTPError if it is not the sharing page's."""
    token = handler.get_token()
    if not handler.current_user or token is None or token.client_id != PAGE_CLIENT:
        raise web.HTTPError(403, "Only the sharing page can use this")
    return token
