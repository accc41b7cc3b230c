# SPDX-License-Identifier: GPL-3.0-or-later
"""Give workspaces to servers that run in a systemd unit: as mounts that only the unit sees, and with their groups."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from .workspace_rights import WRITE, Rights

CHECK_SECONDS = 10
GROUPS = "SupplementaryGroups"
# The parent directory of all mounts is private to the unit, so its users do not see the names of other projects.
PLACE, WRITABLE, READABLE = "TemporaryFileSystem", "BindPaths", "BindReadOnlyPaths"


def mounts(root: str, mount: str, rights: Rights, missing: Collection[str], notice: str) -> dict[str, str]:
    """Return the properties of a unit that mount these workspaces.

    missing: workspaces that are unavailable. The file `notice` is mounted for each. The minus signs let systemd ignore a directory
    that is removed before the unit starts.
    """
    writable = [
        workspace for workspace, right in rights.items() if right == WRITE and workspace not in missing
    ]
    readable = [
        workspace for workspace, right in rights.items() if right != WRITE and workspace not in missing
    ]
    found = {
        PLACE: f"{mount}:ro",
        WRITABLE: " ".join(f"-{root}/{workspace}:{mount}/{workspace}" for workspace in sorted(writable)),
        READABLE: " ".join(
            [f"-{root}/{workspace}:{mount}/{workspace}" for workspace in sorted(readable)]
            + [f"-{notice}:{mount}/{workspace}.is-not-there.txt" for workspace in sorted(missing)]
        ),
    }
    return {name: value for name, value in found.items() if value}


def sealed(root: str, *, no_privileges: bool) -> dict[str, str]:
    """Return the properties of a unit that let it reach workspaces only through their mounts.

    Through their paths on the host, users could hard-link a file into their home directory, and keep it after they lose the workspace. A
    setgid program would keep the group, so `no_privileges` prevents creating one. The unit then cannot gain privileges either, for
    example with sudo, so the administrator decides (`SystemdSpawner.disable_user_sudo`).
    """
    found = {"InaccessiblePaths": root}
    return {**found, "RestrictSUIDSGID": "yes"} if no_privileges else found


def merged(theirs: Mapping[str, Any], ours: Mapping[str, str]) -> dict[str, Any]:
    """Return the administrator's properties with ours added. Each value is a string, or a list of strings to set in order."""
    together = dict(theirs)
    for name, value in ours.items():
        before = theirs.get(name) or ""
        together[name] = [*before, value] if isinstance(before, list) else f"{before} {value}".strip()
    return together


async def works(properties: Mapping[str, str], account: str) -> bool:
    """Return whether a unit of an account starts with these properties. In a container, units may be unable to mount anything."""
    words = [f"--property={name}={value}" for name, value in {"User": account, **properties}.items()]
    process = await asyncio.create_subprocess_exec(
        *("systemd-run", "--quiet", "--wait", "--collect", *words, "true"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await asyncio.wait_for(process.wait(), CHECK_SECONDS) == 0
    except TimeoutError:  # for example, a network file system does not answer
        process.kill()
        return False
