# SPDX-License-Identifier: GPL-3.0-or-later
"""The fragment's call for a hub in a pod of Kubernetes, as the chart Zero to JupyterHub runs it. It must come before all others."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from .front import base_url
from .page_place import place
from .roles import given
from .whole import whole


def in_a_pod(c: Any) -> None:
    """Let the proxy, which runs in another pod, reach the sharing page, and the page the hub.

    Servers run under no account of the hub's pod, so nothing has to be created for them there. Raises ValueError if the configuration does
    not say where other pods reach the hub.
    """
    c = whole(c)
    # The chart sets it to the name of the hub's service, and the port. The page listens on another port of the same service.
    hub = urlsplit(given(c.JupyterHub, "hub_connect_url") or "")
    if not hub.hostname:
        raise ValueError(
            "JupyterHub.hub_connect_url is not set, so other pods cannot reach the sharing page. Use this configuration with the chart "
            "Zero to JupyterHub"
        )
    port = urlsplit(given(c.JupyterHub, "hub_bind_url") or "").port or hub.port or 8081
    place.host = hub.hostname
    place.everywhere = True
    # A pod does not always reach itself through a service, and the chart's network policies do not allow it.
    place.api_url = f"http://127.0.0.1:{port}{base_url(c.JupyterHub)}hub/api"
