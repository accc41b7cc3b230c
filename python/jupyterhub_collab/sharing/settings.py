# SPDX-License-Identifier: GPL-3.0-or-later
"""The service's settings, which the hub passes in the environment when it starts the service."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..names import EDIT, SETTINGS, VIEW


@dataclass(frozen=True)
class Settings:
    """The service's settings.

    link_seconds, longest_link: default and maximum lifetime of a link in seconds. ends_with_server: whether shares and links end when the
    server stops. by_name: whether users may share with users and groups by name. revocation_seconds: how long a server may take to notice
    that access has ended. template_paths, template_vars: the hub's, as the administrator set them. account: the host's account to switch
    to. base_url: the hub's, `/` or with a path. prefix: this service's path. api_url: of the hub's API. public_url: the address at which
    users open the hub; empty if unknown. hub_origin: origin of the hub and the servers if the page has its own domain
    (`JupyterHub.subdomain_host`); otherwise empty. level, highest_level: the default and the highest access level of shares and links.
    can_view: whether servers enforce levels. requests: whether users can ask for access. address, port: where to listen; an empty
    address stands for all. hub: the PID of the hub; 0 if unknown.
    """

    link_seconds: int
    longest_link: int
    ends_with_server: bool
    by_name: bool
    revocation_seconds: int
    template_paths: list[str]
    template_vars: dict[str, Any]
    account: str
    base_url: str
    prefix: str
    api_url: str
    public_url: str
    hub_origin: str
    address: str
    port: int
    hub: int = 0
    level: str = EDIT
    highest_level: str = EDIT
    can_view: bool = True
    requests: bool = False

    @property
    def hub_prefix(self) -> str:
        return f"{self.hub_origin}{self.base_url}hub/"

    @property
    def levels(self) -> list[str]:
        """The access levels that users can give to others, lowest first."""
        return [VIEW] * self.can_view + [EDIT] * (self.highest_level == EDIT)

    @classmethod
    def of_environment(cls) -> Settings:
        """Return the settings from the environment: ours from SETTINGS, and the hub's from `JUPYTERHUB_*`."""
        ours: dict[str, Any] = json.loads(os.environ[SETTINGS])
        listen = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
        hub_url, page_url = (os.environ.get(f"JUPYTERHUB_PUBLIC_{name}", "") for name in ("HUB_URL", "URL"))
        hub, page = urlsplit(hub_url), urlsplit(page_url)
        is_apart = bool(page.netloc) and page.netloc != hub.netloc
        return cls(
            base_url=os.environ["JUPYTERHUB_BASE_URL"],
            prefix=os.environ["JUPYTERHUB_SERVICE_PREFIX"],
            api_url=os.environ["JUPYTERHUB_API_URL"],
            public_url=ours.pop("public_url") or hub_url,
            hub_origin=f"{hub.scheme}://{hub.netloc}" if is_apart else "",
            address=ours.pop("listen", listen.hostname or "127.0.0.1"),
            port=listen.port or 0,
            **ours,
        )
