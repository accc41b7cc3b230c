# SPDX-License-Identifier: GPL-3.0-or-later
"""What visitors see who are signed in on this server and have no access to it, or no longer: whose server it is, and a way on.

JupyterLab's own page says only that they are not allowed to see this content.
"""

from __future__ import annotations

import html
import os
from typing import Any
from urllib.parse import urlencode

from ..names import REQUEST
from .settings import Settings

# As the hub's pages look, which the server cannot show.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>No access</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0; }}
  main {{ margin: 3rem auto; max-width: 40rem; padding: 0 1rem; }}
  a {{ background: #b34a0c; border-radius: 0.4rem; color: #fff; display: inline-block; padding: 0.4rem 0.8rem; text-decoration: none; }}
</style>
</head>
<body>
<main>
<h1>You do not have access to {owner}'s server</h1>
<p>It is not shared with you, or your access has ended.</p>
<p>If you should have access, ask {owner} to share the server with you, then reload this page after a few seconds.</p>
<p>{ask}<a href="{home}">Back to the hub</a></p>
</main>
</body>
</html>
"""
ASK = '<a href="{page}">Request access</a> '


def is_for_a_person(handler: Any) -> bool:
    """Return whether a browser asks for a page to show in a tab."""
    request = handler.request
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")


def refuse_with_page(hub_auth: Any, handler: Any) -> None:
    """Answer a request with the page."""
    handler.set_status(403)
    handler.set_header("Content-Type", "text/html; charset=UTF-8")
    owner, server = (os.environ.get(f"JUPYTERHUB_{name}", "") for name in ("USER", "SERVER_NAME"))
    hub = f"{hub_auth.hub_host}{hub_auth.hub_prefix}"
    # The hub's page has the button, which needs a visitor's sign-in at the hub.
    page = f"{hub}{REQUEST}?{urlencode({'owner': owner, 'server': server})}"
    ask = ASK.format(page=html.escape(page)) if Settings.from_environment().requests else ""
    handler.finish(PAGE.format(owner=html.escape(owner), home=html.escape(f"{hub}home"), ask=ask))
