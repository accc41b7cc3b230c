# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file of a server people mean, whatever they paste."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

# What JupyterLab writes before the path of a document that several people edit.
DRIVE = "RTC:"
# Addresses of JupyterLab name a file after this, and a workspace before it.
FILE = re.compile(r"lab(?:/workspaces/[^/]+)?/tree/(.+)")


def path_in(text: str, server: str) -> str:
    """Return the path of a file on a server; empty for no file.

    text: a path, as JupyterLab shows or copies it, or an address of JupyterLab. server: the path of the server's addresses, with a slash at
    its end. Raises ValueError if the text is an address that does not lead to JupyterLab on that server.
    """
    text = text.strip()
    if not text.startswith(("http://", "https://")):
        return text.removeprefix(DRIVE).strip("/")
    path = urlsplit(text).path
    if not path.startswith(server):
        raise ValueError(f"{text} is not an address of the server {server}")
    found = FILE.fullmatch(path.removeprefix(server))
    return unquote(found[1]).removeprefix(DRIVE).strip("/") if found else ""
