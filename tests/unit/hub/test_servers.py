# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that makes a server ask the hub again. It breaks no start command."""

import asyncio
from typing import Any

import pytest
from jupyterhub.spawner import LocalProcessSpawner
from traitlets.config import Config

from jupyterhub_collab.hub import apply
from jupyterhub_collab.hub.servers import revocation_seconds

OPTION = "--HubOAuth.cache_max_age=5"


def args_after_the_hook(c: Config, cmd: list[str] | None, *args: str, starts: int = 1) -> list[str]:
    spawner = LocalProcessSpawner(cmd=cmd, args=list(args))
    for _start in range(starts):
        asyncio.run(c.Spawner.pre_spawn_hook(spawner))
    return list(spawner.args)


@pytest.fixture
def c() -> Config:
    c = Config()
    apply(c, revocation_seconds=5)
    return c


@pytest.mark.parametrize("command", ["jupyterhub-singleuser", "/opt/lab/bin/jupyter-labhub"])
def test_option_is_added_once_beside_theirs(c: Config, command: str) -> None:
    assert args_after_the_hook(c, [command], "--debug", starts=2) == ["--debug", OPTION]


@pytest.mark.parametrize(
    "command",
    [
        ["conda", "run", "-n", "lab", "jupyterhub-singleuser"],
        ["sudo", "-u", "people", "/opt/lab/bin/jupyterhub-singleuser"],
        ["singularity", "exec", "/srv/lab.sif", "jupyterhub-singleuser", "--debug"],
        ["/opt/lab/bin/python", "-m", "jupyterhub.singleuser"],
    ],
)
def test_commands_that_another_program_starts_get_it_too(c: Config, command: list[str]) -> None:
    assert args_after_the_hook(c, command) == [OPTION]


@pytest.mark.parametrize(
    "cmd",
    [
        None,
        ["bash", "-c", "exec jupyterhub-singleuser"],
        ["bash", "-c", "exec /opt/lab/bin/jupyterhub-singleuser"],
        ["/usr/local/bin/start-everything"],
        ["jhsingle-native-proxy"],
    ],
)
def test_other_commands_are_left_alone(c: Config, cmd: Any) -> None:
    assert args_after_the_hook(c, cmd, "--debug") == ["--debug"]


def test_setting_of_theirs_stays(c: Config) -> None:
    theirs = "--HubOAuth.cache_max_age=60"
    assert args_after_the_hook(c, ["jupyterhub-singleuser"], theirs) == [theirs]
    assert args_after_the_hook(c, ["jupyterhub-singleuser", theirs]) == []


def test_hook_of_theirs_runs_before() -> None:
    c = Config()
    c.Spawner.pre_spawn_hook = lambda spawner: spawner.args.append("--theirs")
    apply(c, revocation_seconds=5)
    assert args_after_the_hook(c, ["jupyterhub-singleuser"]) == ["--theirs", OPTION]


def test_configuration_tells_its_seconds(c: Config) -> None:
    assert revocation_seconds(c) == 5
    assert revocation_seconds(Config()) == 300


def test_hook_that_was_only_looked_at_is_none_of_theirs() -> None:
    c = Config()
    assert not callable(c.Spawner.pre_spawn_hook)
    apply(c, revocation_seconds=5)
    assert args_after_the_hook(c, ["jupyterhub-singleuser"]) == [OPTION]
