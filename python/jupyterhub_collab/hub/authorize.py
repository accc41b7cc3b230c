# SPDX-License-Identifier: GPL-3.0-or-later
"""Configure the page on which the hub asks visitors whether another user's server may identify them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jupyterhub.app import JupyterHub

from ..names import SERVER_CLIENTS
from .hooks import sections_with
from .roles import value_of

# In `JupyterHub.tornado_settings`. It replaces the list that the hub makes of its services.
NO_PAGE = "oauth_no_confirm_list"
# Spawner settings that let a server do more with its visitors' tokens than identify them.
GIVING = ("oauth_client_allowed_scopes", "oauth_roles")


class Trusted:
    """The OAuth clients that need no confirmation: those named, all servers, and services with `oauth_no_confirm`."""

    def __init__(self, named: Iterable[str]) -> None:
        self.named = frozenset(named)

    def __contains__(self, client: str) -> bool:
        services = JupyterHub.instance()._service_map.values()
        trusted = {service.oauth_client_id for service in services if service.oauth_no_confirm}
        return client.startswith(SERVER_CLIENTS) or client in self.named or client in trusted

    def add(self, client: str) -> None:
        """Do nothing. The hub adds and discards only services, which `__contains__` looks up."""

    discard = add


def trust(c: Any, client: str) -> None:
    """Skip the page for one client, also if the administrator has set the list."""
    settings = dict(value_of(c.JupyterHub, "tornado_settings", {}))
    if NO_PAGE in settings:
        c.JupyterHub.tornado_settings = {**settings, NO_PAGE: {*settings[NO_PAGE], client}}


def skip_authorize_page(c: Any) -> None:
    """Skip the page for all servers, so that the hub tells a server who its visitor is without asking.

    Raises ValueError if servers can do more with their visitors' tokens than identify them.
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
    """Return whether a configuration still skips the page for all servers."""
    return isinstance(value_of(c.JupyterHub, "tornado_settings", {}).get(NO_PAGE), Trusted)
