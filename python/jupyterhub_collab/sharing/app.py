# SPDX-License-Identifier: GPL-3.0-or-later
"""The service's process."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets

from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.log import LogFormatter
from tornado.web import Application

from ..patches.bounded import bound_memory
from ..patches.server.hub_auth import wait_no_longer
from ..quiet_logs import keep_secrets
from .handlers import Callback, Elsewhere, Health, SharingPage
from .privileges import give_up_root, sockets
from .settings import Settings
from .templates import templates

PARENT_CHECK = 1  # seconds
# Concurrent requests to the hub. The default is 10, but requests that start or stop a server take seconds, and others must not wait.
REQUESTS = 100
LARGEST_FORM = 100_000  # bytes


def application(settings: Settings) -> Application:
    prefix = settings.prefix
    bound_memory()
    return Application(
        [
            (f"{prefix}oauth_callback", Callback),
            (f"{prefix}health", Health),
            (prefix, SharingPage),
            (".*", Elsewhere),
        ],
        sharing=settings,
        templates=templates(settings.template_paths),
        plain_templates=templates([]),
        cookie_secret=secrets.token_bytes(32),
    )


def http_server(settings: Settings) -> HTTPServer:
    # A request is read into memory before it is known who sends it.
    return HTTPServer(application(settings), xheaders=True, max_body_size=LARGEST_FORM)


async def serve(settings: Settings) -> None:
    # Do everything that needs root first: read templates that only the hub can read, and bind a port below 1024.
    server = http_server(settings)
    server.add_sockets(await sockets(settings.address, settings.port))
    give_up_root(settings.account)
    # A hub that was killed does not stop this process, and the next hub starts its own. So stop when the hub is no longer the parent.
    # Compare with the hub's PID from the settings: if the hub ended while this process was starting, its parent is already another process.
    # It would then run forever, and keep the port from the next hub's page.
    while os.getppid() == (settings.hub or os.getppid()):
        await asyncio.sleep(PARENT_CHECK)


def log_to_hub() -> None:
    """Log to this process's output, which the hub adds to its own log."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter("sharing: %(levelname)s %(message)s", color=False))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # The hub's log already says who did what. Logging the addresses of requests would only add users' authorization codes to it.
    logging.getLogger("tornado.access").setLevel(logging.WARNING)
    keep_secrets()  # refused requests are logged all the same


def main() -> None:
    log_to_hub()
    os.umask(0o077)
    AsyncHTTPClient.configure(None, max_clients=REQUESTS)
    wait_no_longer()
    try:
        asyncio.run(serve(Settings.of_environment()))
    except KeyboardInterrupt:
        pass  # the hub stops its services with SIGINT
    except OSError as error:
        raise SystemExit(f"sharing: {error}") from error
