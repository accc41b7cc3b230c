# SPDX-License-Identifier: GPL-3.0-or-later
"""Service workers, which stay in a visitor's browser after the tab is closed, kept to the addresses of their own server.

A browser keeps a worker to the folder that its script is in, unless the script comes with a header that says otherwise. With it a
worker would get all that the browser asks the hub for, the login included, since hub and servers are at one address.
"""

from __future__ import annotations

import functools
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado.http1connection import HTTP1Connection
from tornado.web import authenticated

HEADER = "Service-Worker-Allowed"
# Where the playbook for verification sees whether it is kept.
PROBE = "jupyterhub_collab/worker-scope"


def confine_workers() -> None:
    """Have no answer of this process bear the header, whatever makes it: a handler, an extension, or a program behind one."""
    connection: Any = HTTP1Connection
    write_headers = connection.write_headers

    @functools.wraps(write_headers)
    def confined(self: Any, start_line: Any, headers: Any, *arguments: Any, **options: Any) -> Any:
        headers.pop(HEADER, None)
        return write_headers(self, start_line, headers, *arguments, **options)

    connection.write_headers = confined


class Probe(JupyterHandler):
    """An answer that asks for the whole address, and is no script."""

    @authenticated
    def get(self) -> None:
        self.set_header(HEADER, "/")
        self.set_header("Content-Type", "text/plain")
        self.finish("")
