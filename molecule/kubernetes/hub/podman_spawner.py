# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the pods that KubeSpawner makes with podman, because the tests have no cluster."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner

PODMAN = ("podman", "--remote", "--url=unix:///run/podman/podman.sock")
NETWORK = "cluster"


class PodmanSpawner(KubeSpawner):
    """Everything about a pod is KubeSpawner's. Only what asks the API of a cluster is replaced."""

    async def podman(self, *words: str, check: bool = True) -> str:
        process = await asyncio.create_subprocess_exec(
            *PODMAN, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        said, problem = await process.communicate()
        if check and process.returncode:
            raise RuntimeError(f"podman {' '.join(words)}: {problem.decode()}")
        return said.decode()

    async def start(self) -> tuple[str, int]:
        manifest = await self.get_pod_manifest()
        async with ApiClient() as client:
            pod = client.sanitize_for_serialization(manifest)
        # There is no registry.
        pod["spec"]["containers"][0]["imagePullPolicy"] = "Never"
        path = Path(f"{self.pod_name}.yaml")
        path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", **pod}))
        await self.podman("pod", "rm", "--force", "--ignore", self.pod_name)
        await self.podman("kube", "play", f"--network={NETWORK}", str(path))
        infra = json.loads(await self.podman("pod", "inspect", self.pod_name))
        infra = infra[0] if isinstance(infra, list) else infra
        (found,) = json.loads(await self.podman("container", "inspect", infra["InfraContainerID"]))
        return found["NetworkSettings"]["Networks"][NETWORK]["IPAddress"], self.port

    async def poll(self) -> int | None:
        names = f"--filter=name=^{self.pod_name}$"
        said = await self.podman("pod", "ps", names, "--format={{.Status}}", check=False)
        return None if said.strip() == "Running" else 1

    async def stop(self, now: bool = False) -> None:
        await self.podman("pod", "stop", "--ignore", f"--time={self.delete_grace_period}", self.pod_name)
        await self.podman("pod", "rm", "--force", "--ignore", self.pod_name)

    async def delete_forever(self) -> None:
        await self.podman("volume", "rm", self.pvc_name, check=False)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        yield {"progress": 50, "message": "Podman starts the pod"}
