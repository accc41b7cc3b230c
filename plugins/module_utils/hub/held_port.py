# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold the port of a hub while the hub restarts (see `jupyterhub_collab.hub.shared_port`).

A socket that is bound but does not listen accepts no connections, and prevents other accounts from binding the port.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable

TRY_SECONDS = 0.0005


class HeldPort:
    """The addresses and ports that this process holds. Initially none."""

    def __init__(self) -> None:
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        self._threads: list[threading.Thread] = []
        self._end = threading.Event()

    def hold(self, places: Iterable[tuple[str, int]]) -> None:
        """Hold these addresses and ports, and release all others.

        If another process has bound one exclusively, a thread binds it as soon as that process releases it. What is already held remains
        held without interruption.
        """
        wanted = [*places]
        self._let_go([place for place in self._sockets if place not in wanted])
        for address in wanted:
            if address in self._sockets:
                continue
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            held = socket.socket(family, socket.SOCK_STREAM)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._sockets[address] = held
            if not _bound(held, address):
                thread = threading.Thread(target=self._hold_later, args=(held, address), daemon=True)
                thread.start()
                self._threads.append(thread)

    def let_go(self) -> None:
        """Release all addresses and ports."""
        self._end.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        self._end.clear()
        self._let_go([*self._sockets])

    def _let_go(self, places: Iterable[tuple[str, int]]) -> None:
        for place in places:
            self._sockets.pop(place).close()

    def _hold_later(self, held: socket.socket, address: tuple[str, int]) -> None:
        while not _bound(held, address) and not self._end.wait(TRY_SECONDS):
            pass


def _bound(held: socket.socket, address: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError):
        held.bind(address)
        return True
    return False
