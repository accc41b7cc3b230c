# SPDX-License-Identifier: GPL-3.0-or-later
"""Check, before the hub changes, whether the sharing page can run on this host."""

from __future__ import annotations

import errno
import json
import os
import pwd
import socket
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..names import SIGN

SECONDS = 2


@dataclass
class Page:
    """A service's page.

    service: its name. address: the URL where its process listens. account: the account that the process switches to. log: the file to which
    the hub writes sharing events; empty for the hub's own log. api_url: where the process reaches the hub's API if that differs
    from what the hub tells its services; otherwise empty. socket: the hub's Unix socket, if `api_url` is set.
    """

    service: str
    address: str
    account: str
    log: str
    api_url: str = ""
    socket: str = ""

    def health(self, base_url: str) -> str:
        """Return the URL that answers 200 while the page works. base_url: the hub's."""
        return f"{self.address}{base_url}services/{self.service}/health"

    def problems(self, base_url: str) -> list[str]:
        """Return the problems, each as a sentence. This process must run as the hub's account.

        base_url: the hub's.
        """
        return [
            *self._problems_of_log(),
            *self._problems_of_port(base_url),
            *self._problems_of_account(),
            *self._problems_of_api(),
        ]

    def _problems_of_log(self) -> list[str]:
        if not self.log:
            return []
        directory = os.path.dirname(self.log)
        if os.access(self.log if os.path.lexists(self.log) else directory, os.W_OK) and os.path.isdir(
            directory
        ):
            return []
        return [
            f"jupyterhub_sharing_log is {self.log}, but the hub cannot write there. Set it to a file in a directory that "
            "the hub can write to"
        ]

    def _problems_of_port(self, base_url: str) -> list[str]:
        port = urlsplit(self.address).port or 0
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno == errno.EACCES:
                    return [
                        f"jupyterhub_sharing_port is {port}, which only root can use, but the hub does not run as root. Set it to a port "
                        "above 1023"
                    ]
                if error.errno == errno.EADDRINUSE and not self._is_ours(base_url):
                    return [
                        f"jupyterhub_sharing_port is {port}, which another program uses. Set it to a free port"
                    ]
        return []

    def _is_ours(self, base_url: str) -> bool:
        """Return whether the running hub's own page listens on the port."""
        try:
            # The port distinguishes the page from the hub's proxy, which serves the page on another port.
            return bool(_json(self.health(base_url)) == {"page": SIGN, "port": urlsplit(self.address).port})
        except (OSError, ValueError):
            return False

    def _problems_of_api(self) -> list[str]:
        """Check that a hub answers at `api_url`, which the page uses if it cannot use the hub's socket. Only a running hub can tell."""
        if not (self.api_url and _takes_connections(self.socket)):
            return []
        try:
            _json(f"{self.api_url}/")["version"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            return [
                f"the sharing page would reach the hub at {self.api_url}, but no hub answers there ({error}). Set "
                "c.Spawner.environment['JUPYTERHUB_API_URL'] to an address of its API"
            ]
        return []

    def _problems_of_account(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        try:
            entry = pwd.getpwnam(self.account)
        except KeyError:
            there = f"{self.account}, which does not exist"
        else:
            if entry.pw_uid != 0:
                return []
            there = f"{self.account}, which is root"
        return [
            f"jupyterhub_sharing_account is {there}. Set it to an unprivileged account of the host, such as nobody"
        ]


def _json(url: str) -> Any:
    """Return the JSON that an address of this host answers, without any HTTP proxy that the hub's environment names."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=SECONDS) as answer:
        return json.load(answer)


def _takes_connections(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def pages(applied: list[dict[str, Any]]) -> list[Page]:
    """Return the pages of the applied policies (see `policy.applied`)."""
    return [policy["page"] for policy in applied if "page" in policy]
