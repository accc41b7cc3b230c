# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the interpreter of a Python environment on the host, and ask it about the environment."""

from __future__ import annotations

import inspect
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import probe as python_probe

SYSTEM, SYSTEM_PREFIX = "system", "/usr"
TOOL_DIRECTORY = "/usr/local/lib/collab.jupyterhub/uv"


class PackagesError(Exception):
    """An error, as a sentence for the administrator.

    output: the output of the tools.
    """

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class Run(Protocol):
    """Runs a command, and returns its exit status, output and error output."""

    def __call__(self, command: list[str]) -> tuple[int, str, str]: ...


@dataclass(frozen=True)
class Environment:
    """A Python environment, as its interpreter reports it (see `probe`).

    packages: versions by normalized name. unmet: requirements that are not met. foreign: distributions that come from elsewhere, such as
    the system's package manager. needs, unfit, folders: see `ask`. fragments: paths that a killed installer has left. pip: whether the
    environment has its own pip.
    """

    python: str
    is_system: bool = False
    packages: dict[str, str] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    needs: dict[str, list[str]] = field(default_factory=dict)
    unfit: dict[str, list[str]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    pip: bool = False
    externally_managed: bool = False


def system_python() -> str:
    """Return the distribution's interpreter. The one that runs this code may belong to another environment."""
    distributions = "/usr/bin/python3"
    return distributions if Path(distributions).exists() else sys.executable


def journal_path(environment: str, tool_directory: str = TOOL_DIRECTORY) -> Path:
    """Return the path of the journal of an installation, which exists until the installation is complete."""
    folder = Path(tool_directory).parent if environment == SYSTEM else Path(environment)
    return folder / ".python_packages-unfinished.json"


def interpreter(environment: str) -> str | None:
    """Return the path of the environment's interpreter, or None if it has none. Raises PackagesError if it is a broken link."""
    if environment == SYSTEM:
        return system_python()
    for name in ("python", "python3"):
        path = Path(environment, "bin", name)
        if path.exists():
            return str(path)
        if path.is_symlink():
            raise PackagesError(
                f"The environment {environment} is broken, because its Python is a link to {path.readlink()}, "
                "which does not exist. Move it away and create a new one."
            )
    return None


def ask(
    run: Run, environment: str, requirements: list[str], leaving: dict[str, Any] | None = None
) -> Environment | None:
    """Return what the environment's interpreter reports, or None if the environment does not exist or its creation was interrupted.

    leaving: if distributions will be removed, their `names`, and the `versions` of other distributions to restore. The result then also
    contains the requirements of each distribution (`needs`), which distributions do not accept these versions (`unfit`), and the
    directories in which the distributions to remove have files (`folders`). Raises PackagesError if the interpreter does not work.
    """
    python = interpreter(environment)
    if python is None:
        return None
    questions = [json.dumps(each) for each in (requirements, leaving) if each is not None]
    status, out, err = run([python, "-I", "-c", inspect.getsource(python_probe), *questions])
    if status != 0:
        raise PackagesError(f"The Python of the environment, {python}, does not work.", err)
    answer: dict[str, Any] = json.loads(out)
    prefix = answer.pop("prefix")
    if environment != SYSTEM and Path(prefix).resolve() != Path(environment).resolve():
        return None
    return Environment(python=python, is_system=environment == SYSTEM, **answer)


def create(run: Run, environment: str, python: str) -> None:
    """Create an environment, or complete one whose creation was interrupted. Raises PackagesError.

    The interpreter is created last, and an environment without one is treated as missing.
    """
    status, out, err = run([python, "-m", "venv", "--without-pip", environment])
    if status != 0:
        raise PackagesError(f"Failed to create the environment {environment} with {python}.", out + err)
