# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out whether the host's directory services (LDAP, SSSD) answer.

While one does not, the host takes its accounts and groups for missing. What is created then could get their names or numbers, and with
them, their files. The lookups of Python and of most programs do not tell these two cases apart, so ask each service directly. SSSD
answers even if it cannot reach its server, with what it has seen before. It does not tell this to programs that look names up.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import re
import secrets
import subprocess
import sys

NSSWITCH = "/etc/nsswitch.conf"
SSSD = ("/etc/sssd/sssd.conf", "/etc/sssd/conf.d/*.conf")
# Sources that are files of this host, or that name only what systemd and the kernel have made.
LOCAL = {"files", "compat", "db", "extrausers", "altfiles", "systemd", "mymachines"}
SECONDS = 60
# Ask one source for a name, and exit with the error number. glibc gives none if the source answers that it has no such name.
PROGRAM = """
import ctypes, sys
kind, source, name = (word.encode() for word in sys.argv[1:])
libc = ctypes.CDLL(None)
if libc.__nss_configure_lookup(kind, source):
    sys.exit(0)
entry, text, found = ctypes.create_string_buffer(512), ctypes.create_string_buffer(1 << 20), ctypes.c_void_p()
ask = libc.getpwnam_r if kind == b"passwd" else libc.getgrnam_r
sys.exit(ask(name, entry, text, ctypes.c_size_t(len(text)), ctypes.byref(found)))
"""


class Silent(Exception):
    """A directory service does not answer, so names and numbers that it has are unknown."""


def check() -> None:
    """Raise Silent if a directory service does not answer."""
    if names := silent():
        raise Silent(why(names))


def why(names: list[str]) -> str:
    """Return a sentence about directory services that do not answer, without its full stop."""
    return (
        f"the host's directory service ({names[0]} in {NSSWITCH}) does not answer, so a new account or group could get the name or number of "
        "one that is in the directory. Make sure that it answers, then rerun"
    )


def silent() -> list[str]:
    """Return the names of the directory services in nsswitch.conf that do not answer."""
    return sorted({source for kind, source in sources() if not _answers(kind, source)})


def sources() -> list[tuple[str, str]]:
    """Return the directory services that this host uses: pairs of what it asks for (`passwd` or `group`) and the name of the service."""
    try:
        with open(NSSWITCH, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    found = []
    for kind, line in re.findall(r"^\s*(passwd|group)\s*:([^#\n]*)", text, re.M):
        names = re.sub(r"\[[^]]*\]", " ", line).split()
        found += [(kind, name) for name in names if name not in LOCAL and _is_set_up(name)]
    return found


def _is_set_up(source: str) -> bool:
    """Return whether a source is more than a word in a file: some distributions name services that are not installed or configured."""
    if source == "sss" and not any(glob.glob(pattern) for pattern in SSSD):
        return False
    with contextlib.suppress(OSError):
        ctypes.CDLL(f"libnss_{source}.so.2")
        return True
    return False


def _answers(kind: str, source: str) -> bool:
    try:
        done = subprocess.run(
            # A new name each time, because services also remember which names they do not have.
            [sys.executable, "-I", "-c", PROGRAM, kind, source, f"collab-{secrets.token_hex(8)}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
