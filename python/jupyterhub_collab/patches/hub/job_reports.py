# SPDX-License-Identifier: GPL-3.0-or-later
"""Let a server that is a job report its port to the hub, and nothing else.

batchspawner's endpoint sets every attribute of the spawner that the request names, such as the command with which the hub submits jobs. The request
comes with the server's own token, which everyone with a terminal on the server can read. They could run programs as the hub's account.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from jupyterhub import apihandlers
from jupyterhub.utils import maybe_future
from tornado import web

from ..releases import patches_hub

# Where batchspawner, and what sites have derived from it, hear from jobs.
ADDRESS = "/api/batchspawner"
PORT = "port"
REFUSED = "A server can report its port here, and nothing else."


@patches_hub(
    "jupyterhub.apihandlers:default_handlers", "jupyterhub.apihandlers:APIHandler.get_json_body(self)"
)
def accept_ports_only(_hub: Any) -> None:
    """Refuse reports with anything else to this hub, which is about to answer requests. Again, this does nothing."""
    for address, handler in apihandlers.default_handlers:
        if address == ADDRESS and not hasattr(handler.post, "accepts_ports_only"):
            _check(handler)


def _check(handler: Any) -> None:
    theirs = handler.post

    @wraps(theirs)
    async def post(self: Any) -> None:
        if not is_port(self.get_json_body()):
            raise web.HTTPError(400, REFUSED)
        await maybe_future(theirs(self))

    post.accepts_ports_only = True  # type: ignore[attr-defined]
    handler.post = post


def is_port(report: Any) -> bool:
    """Return whether a report has a port, as a number, and nothing else."""
    if not isinstance(report, dict) or {*report} != {PORT}:
        return False
    port = report[PORT]
    return isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536
