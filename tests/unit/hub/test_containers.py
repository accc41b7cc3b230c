# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers of DockerSpawner get. Scenario containers has real ones; here, classes have the names and traits of dockerspawner 14."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterhub_collab.hub import containers
from jupyterhub_collab.hub.containers import forget_history, keep_history, mounted_in, without_workspaces
from jupyterhub_collab.hub.state_directory import state_directory_of

ROOT = "/var/lib/jupyterhub-rtc"


class DockerSpawner:
    """The parts of dockerspawner.DockerSpawner that ours reads and sets."""

    __module__ = "dockerspawner.dockerspawner"
    log = logging.getLogger()
    _log_name = "ann"

    def __init__(self, owner: str = "ann", name: str = "", volumes: dict[str, str] | None = None) -> None:
        self.user = SimpleNamespace(name=owner)
        self.escaped_name, self.name = owner.replace("-", "-2d"), name
        self.volumes: dict[str, str] = {} if volumes is None else volumes
        self.mounts: list[Any] = []
        self.extra_create_kwargs: Any = {}
        self.removed: list[str] = []
        self.kept_container = True
        self.problem: Exception | None = None

    def format_volume_name(self, template: str, _spawner: Any) -> str:
        return template.format(prefix="jupyter", username=self.escaped_name, servername=self.name)

    @property
    def volume_binds(self) -> dict[str, dict[str, str]]:
        return {self.format_volume_name(name, self): {"bind": path} for name, path in self.volumes.items()}

    @property
    def volume_mount_points(self) -> list[str]:
        return [each["bind"] for each in self.volume_binds.values()]

    async def get_object(self) -> Any:
        return {"Id": "1"} if self.kept_container else None

    async def remove_object(self) -> None:
        self.kept_container = False

    async def docker(self, method: str, name: str) -> None:
        assert method == "remove_volume"
        self.removed.append(name)
        if self.problem is not None:
            raise self.problem


class SwarmSpawner(DockerSpawner):
    __module__ = "dockerspawner.swarmspawner"


class OfTheSite(DockerSpawner):
    __module__ = "site_spawner"


@pytest.mark.parametrize("kind", [DockerSpawner, OfTheSite])
def test_history_has_a_volume(kind: type[DockerSpawner]) -> None:
    """A container gets a volume for its history, and the server is told that path. Requirement 133."""
    spawner = kind()
    keep_history(spawner, ROOT)
    keep_history(spawner, ROOT)  # started again
    assert spawner.volume_binds == {"jupyter-collab-history-ann": {"bind": ROOT}}
    assert spawner.extra_create_kwargs == {"stop_timeout": 30}
    assert state_directory_of(spawner, ROOT) == ROOT
    forget_history(spawner)
    assert not spawner.volumes


def test_named_server_has_its_own() -> None:
    spawner = DockerSpawner(name="lab")
    keep_history(spawner, ROOT)
    assert {*spawner.volume_binds} == {"jupyter-collab-history-ann--lab"}


@pytest.mark.parametrize("how", ["volumes", "mounts"])
def test_administrators_own_volume_is_used(how: str) -> None:
    spawner = DockerSpawner(volumes={"home-{username}": "/home"})
    if how == "volumes":
        spawner.volumes["histories-{username}"] = ROOT
    else:
        spawner.mounts = [{"source": "histories-{username}", "target": ROOT}]
    before = {**spawner.volumes}
    keep_history(spawner, ROOT)
    assert spawner.volumes == before
    assert ROOT in mounted_in(spawner)


def test_next_node_of_a_swarm_would_not_have_the_volume() -> None:
    spawner = SwarmSpawner()
    keep_history(spawner, ROOT)
    assert (spawner.volumes, spawner.extra_create_kwargs) == ({}, {})
    spawner.volumes["histories-{username}"] = ROOT
    assert mounted_in(spawner) == {ROOT}


def test_administrators_time_to_stop_stays() -> None:
    spawner = DockerSpawner()
    spawner.extra_create_kwargs = {"stop_timeout": 60, "user": "root"}
    keep_history(spawner, ROOT)
    assert spawner.extra_create_kwargs == {"stop_timeout": 60, "user": "root"}

    async def theirs(_spawner: Any) -> dict[str, str]:
        return {"user": "root"}

    for function in (theirs, lambda _spawner: {"user": "root"}):
        spawner.extra_create_kwargs = function
        keep_history(spawner, ROOT)
        keep_history(spawner, ROOT)
        assert asyncio.run(spawner.extra_create_kwargs(spawner)) == {"stop_timeout": 30, "user": "root"}


def test_other_spawners_are_left_alone() -> None:
    spawner = SimpleNamespace(volumes={})
    keep_history(spawner, ROOT)
    forget_history(spawner)
    assert (spawner.volumes, mounted_in(spawner)) == ({}, set())


HOME = {"home-{username}": "/home", "/srv/{username}": "/srv", "everyone": "/data"}


@pytest.mark.parametrize(
    ("owner", "gone"),
    [
        ("ann", ["jupyter-collab-history-ann"]),
        (
            "verify-12ab34-a",
            ["home-verify-2d12ab34-2da", "jupyter-collab-history-verify-2d12ab34-2da"],
        ),
        # A person, whose home is theirs.
        ("verify-all", ["jupyter-collab-history-verify-2dall"]),
    ],
)
def test_volumes_of_a_deleted_server(owner: str, gone: list[str]) -> None:
    """The history goes with its server. Only users of verify lose their homes. Requirement 133."""
    spawner = DockerSpawner(owner, volumes={**HOME})
    asyncio.run(containers._remove(spawner))
    assert spawner.removed == gone
    assert spawner.kept_container == (len(gone) == 1)


def test_volume_that_stays_is_named(caplog: pytest.LogCaptureFixture) -> None:
    spawner = DockerSpawner()
    spawner.problem = OSError("volume is in use")
    spawner.problem.response = SimpleNamespace(status_code=404)  # type: ignore[attr-defined]
    asyncio.run(containers._remove(spawner))
    assert not caplog.records
    spawner.problem = OSError("volume is in use")
    asyncio.run(containers._remove(spawner))
    assert "Failed to remove the volume jupyter-collab-history-ann of ann: volume is in use" in caplog.text


def test_dry_run_knows_classes_that_are_based_on_them() -> None:
    assert "OfTheSite starts servers in containers" in without_workspaces(OfTheSite)
    assert without_workspaces(SimpleNamespace) == ""
