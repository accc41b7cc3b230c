# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirect to the sharing page from any domain of the hub.

JupyterLab's menu and the play know the page as `/services/sharing/`. With `JupyterHub.subdomain_host`, that path exists only on the page's
own domain. From any other domain, the hub redirects the path to its own domain, and this handler redirects it to the page.
"""

from __future__ import annotations

from jupyterhub.app import JupyterHub
from jupyterhub.handlers.base import BaseHandler
from tornado import web

from ..names import SERVICE
from ..patches.hub.handlers import add_page


class ToThePage(BaseHandler):
    """Redirects to the page, also without a login: its address is not secret."""

    def get(self) -> None:
        service = JupyterHub.instance()._service_map[SERVICE]
        if not service.host:  # the page is on this domain, but the proxy has no route to it
            raise web.HTTPError(404)
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"{service.host}{service.prefix}{query}")


def lead_to_page() -> None:
    """Add the redirect to the hub of this process."""
    add_page(f"/services/{SERVICE}/?", ToThePage)
