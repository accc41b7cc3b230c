# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods that the real KubeSpawner makes for servers of a hub in memory, in a forked process."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from jupyterhub import orm
from jupyterhub.utils import maybe_future

from configurations.in_memory import forked, log_in, play_host
from jupyterhub_collab.hub import dry_run
from jupyterhub_collab.hub.policy import applied


def pods(main: Path, *servers: str) -> dict[str, dict[str, Any]]:
    """Load a configuration with a hub, and return the manifest of the pod of each server, as `owner` or `owner/name`."""
    done = forked(_print_pods, main, servers)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print_pods(main: Path, servers: tuple[str, ...]) -> None:
    os.chdir(main.parent)
    play_host()
    print(json.dumps(asyncio.run(_pods(main, servers))))


async def _pods(main: Path, servers: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    applied.clear()
    hub = dry_run.JupyterHub.instance()
    await hub.initialize([f"--config={main}"])
    # It reads the path of its configuration, which the hub's configuration has set, when it is imported.
    from kubernetes_asyncio.client import ApiClient  # noqa: PLC0415

    found = {}
    for server in servers:
        owner, _slash, name = server.partition("/")
        if orm.User.find(hub.db, owner) is None:
            await log_in(hub, owner, "")
        user = hub.users[orm.User.find(hub.db, owner)]
        if name:
            hub.db.add(orm.Spawner(name=name, user=user.orm_user))
            hub.db.commit()
        spawner = user.get_spawner(name)
        await maybe_future(spawner.run_pre_spawn_hook())
        manifest = await spawner.get_pod_manifest()
        async with ApiClient() as client:
            found[server] = client.sanitize_for_serialization(manifest)
        found[server]["grace"] = spawner.delete_grace_period
    return found


def environment(pod: dict[str, Any]) -> dict[str, str]:
    """Return the environment of a pod's server."""
    (server,) = pod["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in server["env"]}
