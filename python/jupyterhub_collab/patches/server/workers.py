# SPDX-License-Identifier: GPL-3.0-or-later
"""Confine service workers, which stay in a visitor's browser after the tab is closed, to the addresses of their own server.

A browser confines a worker to the folder of its script, unless the script comes with a header that extends its scope. As the hub and its
servers share an address, such a worker would get everything that the browser requests from the hub, the login included.
"""

from __future__ import annotations

import functools
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado.http1connection import HTTP1Connection
from tornado.web import authenticated

from ..releases import patches_tornado

HEADER = "Service-Worker-Allowed"
# Where the playbook `verify` checks that workers are confined.
PROBE = "jupyterhub_collab/worker-scope"


@patches_tornado("tornado.http1connection:HTTP1Connection.write_headers(self, start_line, headers)")
def confine_workers() -> None:
    """Remove the header from all answers of this process, whether a handler, an extension or a program behind one sets it."""
    connection: Any = HTTP1Connection
    write_headers = connection.write_headers

    @functools.wraps(write_headers)
    def confined(self: Any, start_line: Any, headers: Any, *arguments: Any, **options: Any) -> Any:
        headers.pop(HEADER, None)
        return write_headers(self, start_line, headers, *arguments, **options)

    connection.write_headers = confined


class Probe(JupyterHandler):
    """Answers with a header that asks for the whole address. The answer is not a script, so even the header would have no effect."""

    @authenticated
    def get(self) -> None:
        self.set_header(HEADER, "/")
        self.set_header("Content-Type", "text/plain")
        self.finish("")
