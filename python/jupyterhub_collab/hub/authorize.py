# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on which the hub asks visitors whether another user's server may identify them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jupyterhub.app import JupyterHub

from .hooks import sections_with
from .roles import value_of

NO_PAGE = "oauth_no_confirm_list"  # of `JupyterHub.tornado_settings`; it replaces the list that the hub makes of its services
SERVERS = "jupyterhub-user-"  # how the hub's names of OAuth clients that are servers begin
# What lets a server do more with its visitors' tokens than to know who they are.
GIVING = ("oauth_client_allowed_scopes", "oauth_roles")


class Trusted:
    """The OAuth clients without such a page: those named, all servers, and the services that the hub trusts by default."""

    def __init__(self, named: Iterable[str]) -> None:
        self.named = frozenset(named)

    def __contains__(self, client: str) -> bool:
        services = JupyterHub.instance()._service_map.values()
        trusted = {service.oauth_client_id for service in services if service.oauth_no_confirm}
        return client.startswith(SERVERS) or client in self.named or client in trusted

    def add(self, client: str) -> None:
        """Ignore what the hub adds: these are services that it already knows."""

    discard = add


def trust(c: Any, client: str) -> None:
    """Let the hub go without the page for one client, also where the administrator names all such clients."""
    settings = dict(value_of(c.JupyterHub, "tornado_settings", {}))
    if NO_PAGE in settings:
        c.JupyterHub.tornado_settings = {**settings, NO_PAGE: {*settings[NO_PAGE], client}}


def skip_authorize_page(c: Any) -> None:
    """Let the hub ask nobody any more before it tells a server who its visitor is.

    Raises ValueError where servers may do more with their visitors' tokens than to know who they are.
    """
    for trait in GIVING:
        for section in sections_with(c, trait):
            if section.endswith("Spawner") and value_of(c[section], trait, []):
                raise ValueError(
                    f"{section}.{trait} allows servers to act for their visitors, who must confirm this. "
                    "Set jupyterhub_sharing_authorize_page to true"
                )
    settings = dict(value_of(c.JupyterHub, "tornado_settings", {}))
    c.JupyterHub.tornado_settings = {**settings, NO_PAGE: Trusted(settings.get(NO_PAGE, ()))}


def skips_authorize_page(c: Any) -> bool:
    """Return whether a configuration still has the hub ask nobody."""
    return isinstance(value_of(c.JupyterHub, "tornado_settings", {}).get(NO_PAGE), Trusted)
