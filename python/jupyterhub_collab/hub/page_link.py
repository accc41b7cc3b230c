# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the sharing page from anywhere on the hub, also where each user and each service has a domain of its own.

JupyterLab's menu and the play know the page as `/services/sharing/`. On a hub with `JupyterHub.subdomain_host` that path leads nowhere
but on the page's own domain. Whatever domain it is asked for at, the hub sends people to itself with it, and from here to the page.
"""

from __future__ import annotations

from jupyterhub import handlers
from jupyterhub.app import JupyterHub
from jupyterhub.handlers.base import BaseHandler
from tornado import web

from ..names import SERVICE


class ToThePage(BaseHandler):
    """Leads to the page. Everyone may know where it is."""

    def get(self) -> None:
        service = JupyterHub.instance()._service_map[SERVICE]
        if not service.host:  # it is on this domain, and the proxy has not found it
            raise web.HTTPError(404)
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"{service.host}{service.prefix}{query}")


def lead_to_page() -> None:
    address = (f"/services/{SERVICE}/?", ToThePage)
    if address not in handlers.default_handlers:
        handlers.default_handlers.append(address)
