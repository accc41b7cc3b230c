# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where this host reaches what people's connections come in at."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from . import hub_health

SECONDS = 5  # in which a proxy that knows the hub passes its API on


def here(url: str, path: str) -> str:
    """Return an address of this host for a URL that may name all of its addresses, with a path and without a slash at the end."""
    parts = urlsplit(url)
    if hub_health.is_unix(url):
        return str(urlunsplit((parts.scheme, parts.netloc, path, "", ""))).rstrip("/")
    host = hub_health.reachable(parts.hostname)
    place = f"[{host}]" if ":" in host else host
    place = f"{place}:{parts.port}" if parts.port else place
    return str(urlunsplit((parts.scheme, place, path, "", ""))).rstrip("/")


def of_proxy(hub: dict[str, Any]) -> str:
    """Return where this host reaches the hub's proxy, by what the configuration says, with the hub's prefix."""
    return here(hub.get("front_url") or hub["bind_url"], hub["base_url"])


def is_true(hub: dict[str, Any]) -> bool:
    """Return whether a hub answers where the configuration says that the proxy listens, which a proxy need not read."""
    deadline = time.monotonic() + SECONDS
    while not hub_health.version(f"{of_proxy(hub)}/hub/api"):
        if time.monotonic() > deadline:
            return False
        time.sleep(hub_health.POLL_SECONDS)
    return True
