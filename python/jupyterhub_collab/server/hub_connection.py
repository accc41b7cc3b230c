# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to the hub's API with this server's own token, also to a hub on a Unix socket or with certificates of its own."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any
from urllib.parse import unquote, urlsplit

LONGEST_LINE = 1_000_000  # bytes


async def connect(hub_auth: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection. hub_auth: the `HubOAuth` of this server."""
    url = urlsplit(hub_auth.api_url)
    if "unix" in url.scheme:
        return await asyncio.open_unix_connection(unquote(url.netloc), limit=LONGEST_LINE)
    context = _context(hub_auth) if url.scheme == "https" else None
    port = url.port or (443 if context else 80)
    return await asyncio.open_connection(url.hostname, port, ssl=context, limit=LONGEST_LINE)


def request(hub_auth: Any, method: str, path: str, body: bytes = b"") -> bytes:
    """Return a request to send. path: below the hub's API. With HTTP/1.0, the answer has no chunks, and the hub closes the connection."""
    url = urlsplit(hub_auth.api_url)
    host = "localhost" if "unix" in url.scheme else url.netloc
    lines = [
        f"{method} {url.path.rstrip('/')}/{path} HTTP/1.0",
        f"Host: {host}",
        f"Authorization: token {hub_auth.api_token}",
        *(["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def code_of(line: str) -> str:
    """Return the status code in the first line of an answer; empty if it has none."""
    return (line.split(" ") + ["", ""])[1]


def _context(hub_auth: Any) -> ssl.SSLContext:
    if not (hub_auth.certfile or hub_auth.keyfile):
        return ssl.create_default_context()
    from jupyterhub.utils import make_ssl_context  # noqa: PLC0415  # a server without a hub may lack it

    context: ssl.SSLContext = make_ssl_context(hub_auth.keyfile, hub_auth.certfile, cafile=hub_auth.client_ca)
    return context
