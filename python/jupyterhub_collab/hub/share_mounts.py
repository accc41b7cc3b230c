# SPDX-License-Identifier: GPL-3.0-or-later
"""The shares of a session where a systemd unit is the session: mounted in its own view of the host, with their groups."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from .share_rights import WRITE, Rights

TRIAL_SECONDS = 10
GROUPS = "SupplementaryGroups"
# The place of all mounts is a directory of the session's own, so nobody sees there the names of others' projects.
PLACE, WRITABLE, READABLE = "TemporaryFileSystem", "BindPaths", "BindReadOnlyPaths"


def mounts(root: str, mount: str, rights: Rights, missing: Collection[str], notice: str) -> dict[str, str]:
    """Return the properties of a unit that mount these shares.

    missing: workspaces that are not available. The file `notice` replaces each. A directory that goes in this instant is
    ignored, which is what the minus stands for.
    """
    writable = [share for share, right in rights.items() if right == WRITE and share not in missing]
    readable = [share for share, right in rights.items() if right != WRITE and share not in missing]
    found = {
        PLACE: f"{mount}:ro",
        WRITABLE: " ".join(f"-{root}/{share}:{mount}/{share}" for share in sorted(writable)),
        READABLE: " ".join(
            [f"-{root}/{share}:{mount}/{share}" for share in sorted(readable)]
            + [f"-{notice}:{mount}/{share}.is-not-there.txt" for share in sorted(missing)]
        ),
    }
    return {name: value for name, value in found.items() if value}


def sealed(root: str, *, no_privileges: bool) -> dict[str, str]:
    """Return the properties of a unit that leave its shares no way but through their mounts.

    By their places on the host a file could get a further name in the home, which is there when the share is not any more. A program with
    the group's bit would keep the group; a unit that makes none gains no privileges either, which is left to the administrator.
    """
    found = {"InaccessiblePaths": root}
    return {**found, "RestrictSUIDSGID": "yes"} if no_privileges else found


def merged(theirs: Mapping[str, Any], ours: Mapping[str, str]) -> dict[str, Any]:
    """Return the administrator's properties with ours. One may be a text, or a list of texts that come one after another."""
    together = dict(theirs)
    for name, value in ours.items():
        before = theirs.get(name) or ""
        together[name] = [*before, value] if isinstance(before, list) else f"{before} {value}".strip()
    return together


async def works(properties: Mapping[str, str], account: str) -> bool:
    """Return whether the host starts a unit of an account with these properties: in a container it may not be allowed to mount anything."""
    words = [f"--property={name}={value}" for name, value in {"User": account, **properties}.items()]
    process = await asyncio.create_subprocess_exec(
        *("systemd-run", "--quiet", "--wait", "--collect", *words, "true"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await asyncio.wait_for(process.wait(), TRIAL_SECONDS) == 0
    except TimeoutError:  # a network file system that does not answer, say
        process.kill()
        return False
