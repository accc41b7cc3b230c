# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a server's own token as a guest could, and check whether it opens the server."""

from __future__ import annotations

import asyncio
import json
import re

from .browser import Browser
from .person import Person, Refused, server

SECONDS = 10.0
# Exits the shell, and so ends the terminal. The echoed command does not match OWN, only its output does.
COMMAND = 'echo "own=${JUPYTERHUB_API_TOKEN}="; exit\r'
OWN = re.compile(r"own=([0-9A-Za-z_-]{8,})=")


async def own_token(person: Person, owner: str) -> str:
    """Return a server's own token, as a person reads it in a terminal there. Raises Refused if that fails."""
    base = server(owner)
    made = await person.browser.ask("POST", f"{base}/api/terminals")
    if not made.good or not isinstance(made.json, dict):
        raise Refused(f"failed to open a terminal on that server: {made.sentence}")
    socket = await person.browser.socket(f"{base}/terminals/websocket/{made.json['name']}")
    try:
        await socket.write_message(json.dumps(["stdin", COMMAND]))
        return await asyncio.wait_for(_read(socket), SECONDS)
    except TimeoutError as error:
        raise Refused(f"a terminal on that server did not answer within {SECONDS:g} s") from error
    finally:
        socket.close()


async def _read(socket: object) -> str:
    said = ""
    while (message := await socket.read_message()) is not None:  # type: ignore[attr-defined]
        kind, *rest = json.loads(message)
        said += rest[0] if kind == "stdout" else ""
        if found := OWN.search(said):
            return found[1]
    raise Refused("a terminal on that server did not show the server's own token")


async def opens(browser: Browser, owner: str) -> bool:
    """Return whether a browser can read the server's files."""
    return (await browser.ask("GET", f"{server(owner)}/api/contents")).good
