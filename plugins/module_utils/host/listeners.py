# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out from the kernel which process listens at an address of this host, and as which account.

Any process can bind a port above 1023 first, so an answer can come from anyone. The kernel knows the account that created a listening
socket, and /proc shows the processes that hold it.
"""

from __future__ import annotations

import contextlib
import glob
import ipaddress
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Union

LISTEN = "0A"
CREDENTIALS = "3i"
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]  # noqa: UP007 -- pylint of ansible-test


@dataclass(frozen=True)
class Listener:
    """A socket that listens on a TCP port: its address, the UID of the account that created it, and its inode."""

    address: Address
    port: int
    uid: int
    inode: str

    @property
    def place(self) -> str:
        """The address and port, for messages."""
        return f"{self.address}:{self.port}"

    @property
    def processes(self) -> list[int]:
        """The PIDs of the processes that hold it. Empty if their files are not visible."""
        return self._among("[0-9]*")

    def is_held_by(self, process: int) -> bool:
        """Return whether a process holds it, without searching all processes."""
        return self._among(str(process)) == [process]

    def _among(self, processes: str) -> list[int]:
        link, found = f"socket:[{self.inode}]", set()
        for path in glob.iglob(f"/proc/{processes}/fd/*"):
            with contextlib.suppress(OSError):  # it was just closed
                if os.readlink(path) == link:
                    found.add(int(path.split("/")[2]))
        return sorted(found)

    @property
    def account(self) -> str:
        return _account(self.uid)


@dataclass(frozen=True)
class UnixListener:
    """A listening Unix socket: its path, and the UID and PID that the kernel recorded when listen() was called."""

    place: str
    uid: int
    process: int

    @property
    def processes(self) -> list[int]:
        """The process, if it still exists."""
        return [self.process] if os.path.exists(f"/proc/{self.process}") else []

    @property
    def account(self) -> str:
        return _account(self.uid)


def behind(link: socket.socket, path: str) -> UnixListener:
    """Return the listener at the other end of a connection to a Unix socket."""
    told = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(CREDENTIALS))
    process, uid, _gid = struct.unpack(CREDENTIALS, told)
    return UnixListener(path, uid, process)


def listeners(port: int) -> list[Listener]:
    """Return all sockets on this host that listen on a TCP port."""
    found = []
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
            for line in list(file)[1:]:
                fields = line.split()
                address, _colon, number = fields[1].rpartition(":")
                if fields[3] == LISTEN and int(number, 16) == port:
                    found.append(Listener(_address(address), port, int(fields[7]), fields[9]))
    return found


def at(address: str, port: int) -> list[Listener]:
    """Return the sockets on this host among which the kernel chooses for a connection to an address.

    A socket for exactly this address takes precedence over one for all addresses. Among the latter, one of the same address family
    takes precedence over one for both families.
    """
    wanted = _plain(ipaddress.ip_address(address.partition("%")[0]))
    everywhere = [ipaddress.ip_address("0.0.0.0"), ipaddress.ip_address("::")][wanted.version == 6 :]
    there = listeners(port)
    for place in (wanted, *everywhere):
        if found := [each for each in there if each.address == place]:
            return found
    return []


def is_here(address: str) -> bool:
    """Return whether an address belongs to this host."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe, contextlib.suppress(OSError):
        probe.bind((address, 0))
        return True
    return False


def unit_of(process: int) -> str:
    """Return the systemd service on this host that a process belongs to, or an empty string.

    Use the outermost service: an account chooses the names of services of its own manager (user@1000.service), and of control groups
    inside a unit that was delegated to it.
    """
    place = _control_group(process).removeprefix(_control_group(1).removesuffix("/init.scope"))
    unit = next((name for name in place.split("/") if name.endswith(".service")), "")
    return "" if unit.startswith("user@") else unit


def _control_group(process: int) -> str:
    """Return the control group of a process in systemd's hierarchy: the named one of version 1, or that of version 2."""
    found = {}
    with contextlib.suppress(OSError), open(f"/proc/{process}/cgroup", encoding="utf-8") as file:
        for line in file:
            _number, controllers, place = line.rstrip("\n").split(":", 2)
            found[controllers] = place
    return found.get("name=systemd") or found.get("", "")


def _account(uid: int) -> str:
    """Return the name of an account, or its UID if it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _address(words: str) -> Address:
    """Parse an address in the format of /proc/net: hexadecimal words of 32 bits, each in the byte order of the host."""
    packed = b"".join(struct.pack("=I", int(words[each : each + 8], 16)) for each in range(0, len(words), 8))
    return _plain(ipaddress.ip_address(packed))


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address maps, or else the address itself."""
    return getattr(address, "ipv4_mapped", None) or address
