# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service is told by the hub that starts it, in its environment."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..names import SETTINGS


@dataclass(frozen=True)
class Settings:
    """link_seconds, longest_link: default and maximum lifetime of a link. ends_with_server: whether shares do.

    by_name: whether users may name users and groups. revocation_seconds: after how long a server has noticed an end.
    template_paths, template_vars: the administrator's own, of the hub. account: of the host, to become.
    base_url: of the hub, `/` or with a path. prefix: of this service. api_url: of the hub's API.
    public_url: of the hub, empty where it has not been told. hub_origin: of the hub's and the servers' addresses where the page has a
    domain of its own (`JupyterHub.subdomain_host`); empty where all are on one. address, port: where to listen. hub: the number of the
    hub's process.
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

    @property
    def hub_prefix(self) -> str:
        return f"{self.hub_origin}{self.base_url}hub/"

    @classmethod
    def of_environment(cls) -> Settings:
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
            address=listen.hostname or "127.0.0.1",
            port=listen.port or 0,
            **ours,
        )
