# SPDX-License-Identifier: GPL-3.0-or-later
"""One Python environment of the host: where its interpreter is, and what it says of itself."""

from __future__ import annotations

import inspect
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.collab.jupyterhub.plugins.module_utils import python_probe

SYSTEM = "system"
TOOL_DIRECTORY = "/usr/local/lib/collab.jupyterhub/uv"


class PackagesError(Exception):
    """One sentence for the person who runs the play; what the tools wrote goes along with it."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


class Run(Protocol):
    """Runs a command; answers with its exit status, output and error output."""

    def __call__(self, command: list[str]) -> tuple[int, str, str]: ...


@dataclass(frozen=True)
class Environment:
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
    """The distribution's interpreter: not the one that runs this, which may be some other environment's."""
    distributions = "/usr/bin/python3"
    return distributions if Path(distributions).exists() else sys.executable


def journal_path(environment: str, tool_directory: str = TOOL_DIRECTORY) -> Path:
    """Where the journal of an installation lies as long as it is not complete."""
    folder = Path(tool_directory).parent if environment == SYSTEM else Path(environment)
    return folder / ".python_packages-unfinished.json"


def interpreter(environment: str) -> str | None:
    """The environment's interpreter, or None where there is nothing that could be one."""
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
    """What the environment says of itself; None where there is none, or where making it was interrupted.

    Where distributions are to leave it, `leaving` says which (`names`) and which versions of others are to come back
    (`versions`). Then it also says which distribution needs which (`needs`), which of these versions others do not accept
    (`unfit`), and which folders those that leave have files in (`folders`).
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
    """Makes the environment, or completes it: the interpreter comes last, and without it nothing counts."""
    status, out, err = run([python, "-m", "venv", "--without-pip", environment])
    if status != 0:
        raise PackagesError(f"Failed to create the environment {environment} with {python}.", out + err)
