# SPDX-License-Identifier: GPL-3.0-or-later
"""Give the containers of DockerSpawner a volume for the document history, and enough time to save everything when they stop.

Most hubs remove a container when its server stops (`DockerSpawner.remove`), and only a part of the home directory is on a volume. Without its
history, a server would not know the documents that tabs still have open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import isawaitable
from typing import Any

from ..patches.hub.deletion import after_deletion

# Names of volumes, as templates that the spawner fills in: of a default server, and of a named server.
VOLUME = "{prefix}-collab-history-{username}"
NAMED = f"{VOLUME}--{{servername}}"
# Docker's default is 10, which is just what a server may take.
STOP_SECONDS = 30
STOP_TIMEOUT = "stop_timeout"
# The users that `verify` creates for some seconds. What their servers left on volumes of their own goes with them.
OF_VERIFY = re.compile(r"verify-[0-9a-f]{6}-[a-z]")


# Packages whose spawners start servers in containers or pods, where no account of the hub's host exists.
PACKAGES = {"dockerspawner", "kubespawner"}


def without_workspaces(spawner: type) -> str:
    """Return why the servers of a spawner class cannot have workspaces, as one sentence; empty if they may."""
    if not any(kind.__module__.partition(".")[0] in PACKAGES for kind in spawner.__mro__):
        return ""
    return (
        f"{spawner.__name__} starts servers in containers, where accounts and groups of this host do not exist, so workspaces would have no "
        "effect. Remove workspaces from the projects in jupyterhub_projects. Their members can work on the projects' servers"
    )


def is_container(spawner: Any) -> bool:
    """Return whether a spawner is a DockerSpawner. A SwarmSpawner is not: it may start the next server on another node."""
    return "DockerSpawner" in _kinds(spawner) and "SwarmSpawner" not in _kinds(spawner)


def mounted_in(spawner: Any) -> set[str]:
    """Return the paths at which a DockerSpawner or SwarmSpawner mounts something."""
    if "DockerSpawner" not in _kinds(spawner):
        return set()
    targets = (mount.get("target") for mount in spawner.mounts or [] if isinstance(mount, Mapping))
    return {*spawner.volume_mount_points, *filter(None, targets)}


def keep_history(spawner: Any, path: str) -> None:
    """Mount a volume at this path in a container, unless something is mounted there, and let the container stop in its own time."""
    if not is_container(spawner):
        return
    forget_history(spawner)
    if path not in mounted_in(spawner):
        spawner.volumes = {**spawner.volumes, _template(spawner): path}
    theirs = spawner.extra_create_kwargs
    if isinstance(theirs, Mapping):
        spawner.extra_create_kwargs = {STOP_TIMEOUT: STOP_SECONDS, **theirs}
    elif not hasattr(theirs, "lets_stop"):
        spawner.extra_create_kwargs = _letting_stop(theirs)


def forget_history(spawner: Any) -> None:
    """Mount no volume of ours when a server starts that has no live collaboration any more."""
    if is_container(spawner):
        spawner.volumes = {
            name: path for name, path in spawner.volumes.items() if name not in (VOLUME, NAMED)
        }


def remove_history_with_server() -> None:
    """Remove the volume with a server's history when its user, or the named server, is deleted."""
    after_deletion(_remove)


def _letting_stop(theirs: Any) -> Any:
    async def extra_create_kwargs(spawner: Any) -> dict[str, Any]:
        told = theirs(spawner)
        return {STOP_TIMEOUT: STOP_SECONDS, **(await told if isawaitable(told) else told)}

    extra_create_kwargs.lets_stop = True  # type: ignore[attr-defined]
    return extra_create_kwargs


async def _remove(spawner: Any) -> None:
    if not is_container(spawner):
        return
    names = {spawner.format_volume_name(_template(spawner), spawner)}
    if OF_VERIFY.fullmatch(spawner.user.name):
        # A volume without the user's name may be everyone's, and a path is a directory of the host.
        names |= {name for name in spawner.volume_binds if spawner.escaped_name in name and "/" not in name}
        # Without `DockerSpawner.remove`, a container stays when its server stops.
        if await spawner.get_object():
            await spawner.remove_object()
    for name in sorted(names):
        try:
            await spawner.docker("remove_volume", name)
        except Exception as error:
            if getattr(getattr(error, "response", None), "status_code", None) != 404:
                spawner.log.warning(
                    "Failed to remove the volume %s of %s: %s", name, spawner._log_name, error
                )


def _template(spawner: Any) -> str:
    return NAMED if spawner.name else VOLUME


def _kinds(spawner: Any) -> set[str]:
    """Return the names of a spawner's classes that are dockerspawner's."""
    return {kind.__name__ for kind in type(spawner).__mro__ if kind.__module__.startswith("dockerspawner.")}
