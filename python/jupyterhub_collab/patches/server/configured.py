# SPDX-License-Identifier: GPL-3.0-or-later
"""Call a function when Jupyter Server has created what its configuration names, and add refusals to its authorizer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jupyter_server.serverapp import ServerApp

from ..releases import patches_server


@patches_server("jupyter_server.serverapp:ServerApp.init_configurables(self)")
def once_configured(call: Callable[[Any], None]) -> bool:
    """Call a function with the server once it is configured. Return False, and change nothing, if there is such a function already."""
    server: Any = ServerApp
    init_configurables = server.init_configurables
    if hasattr(init_configurables, "calls_ours"):
        return False

    @functools.wraps(init_configurables)
    def init_and_call(app: Any) -> None:
        init_configurables(app)
        call(app)

    init_and_call.calls_ours = True  # type: ignore[attr-defined]
    server.init_configurables = init_and_call
    return True


@patches_server(
    "jupyter_server.auth.authorizer:Authorizer.is_authorized(self, handler, user, action, resource)"
)
def only_if_also(authorizer: Any, allows: Callable[[Any, Any, str, str], bool]) -> None:
    """Make an authorizer refuse what `allows` refuses, whatever its own answer."""
    theirs = authorizer.is_authorized

    def is_authorized(handler: Any, user: Any, action: str, resource: str) -> Any:
        return allows(handler, user, action, resource) and theirs(handler, user, action, resource)

    authorizer.is_authorized = is_authorized
