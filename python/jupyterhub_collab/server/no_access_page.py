# SPDX-License-Identifier: GPL-3.0-or-later
"""What visitors see who are signed in on this server and have no access to it, or no longer: whose server it is, and a way on.

JupyterLab's own page says only that they are not allowed to see this content.
"""

from __future__ import annotations

import html
import os
from typing import Any

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
<p><a href="{home}">Back to the hub</a></p>
</main>
</body>
</html>
"""


def is_for_a_person(handler: Any) -> bool:
    """Return whether a browser asks for a page to show in a tab."""
    request = handler.request
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")


def refuse_with_page(hub_auth: Any, handler: Any) -> None:
    """Answer a request with the page."""
    handler.set_status(403)
    handler.set_header("Content-Type", "text/html; charset=UTF-8")
    owner = html.escape(os.environ.get("JUPYTERHUB_USER", ""))
    home = html.escape(f"{hub_auth.hub_host}{hub_auth.hub_prefix}home")
    handler.finish(PAGE.format(owner=owner, home=home))
