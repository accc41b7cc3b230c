# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the proxy that people's connections go through: /proc tells which process listens on the hub's public port."""

from __future__ import annotations

import glob
import os
import re
from typing import Any
from urllib.parse import urlsplit

from .hub_address import is_unix
from .systemd_unit import Unit

LISTEN = "0A"


class NoProxy(Exception):
    """The proxy cannot be told."""


def public_port(bind_url: str) -> int:
    """Return the port that people's connections come in at, of `c.JupyterHub.bind_url`."""
    parts = urlsplit(bind_url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def listening_sockets(port: int) -> set[str]:
    """Return the links in /proc/PID/fd of the sockets that listen on a TCP port."""
    links = set()
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(path, encoding="ascii") as file:
            for line in list(file)[1:]:
                fields = line.split()
                if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    links.add(f"socket:[{fields[9]}]")
    return links


def listener(port: int) -> int | None:
    """Return the process that listens on a TCP port; None where there is none."""
    links = listening_sockets(port)
    for path in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(path) in links:
                return int(path.split("/")[2])
        except OSError:
            continue  # it was closed this instant
    return None


def unit_of(process: int) -> str:
    """Return the systemd service that a process belongs to; empty where it belongs to none."""
    try:
        with open(f"/proc/{process}/cgroup", encoding="utf-8") as file:
            found = re.search(r"/([^/\n]+\.service)$", file.read(), re.M)
    except OSError:
        return ""
    return found.group(1) if found else ""


def find_unit(hub_unit: Unit, hub: dict[str, Any]) -> str:
    """Return the service that the hub's proxy is, the hub's own where the hub has started it.

    Raises NoProxy where it is no service of this host.
    """
    front = hub.get("front_url") or hub["bind_url"]
    if is_unix(front):
        raise NoProxy(f"the proxy listens at {front}, and no port of this host tells which it is")
    port = public_port(front)
    process = listener(port)
    unit = unit_of(process) if process else ""
    if not unit or process == hub_unit.main_pid:
        raise NoProxy(f"no proxy of this host listens on port {port}")
    return unit
