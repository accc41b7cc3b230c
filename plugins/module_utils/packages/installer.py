# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the tools that install packages into an environment, and build their command lines."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.environment import (
    Environment,
    PackagesError,
    Run,
)

HOW = "Install pip first (on Debian: apt install python3-venv)"
DEBIAN_WHEELS = Path("/usr/share/python-wheels")


@dataclass(frozen=True)
class Installer:
    """A tool that installs packages into an environment, `uv` or `pip`, and how to call it."""

    name: str
    command: list[str]
    """The words before ``install`` and ``uninstall``."""
    target: list[str]
    """The arguments that select the environment."""
    options: list[str] = field(default_factory=list)
    """Further options for ``install``."""
    planner: Installer | None = None
    """The installer that chooses the versions, if this one does not see all installed packages."""
    fallback: Installer | None = None
    """The installer to try if this one cannot reach the package index."""

    def install(self, *arguments: str) -> list[str]:
        return [*self.command, "install", *self.target, *self.options, *arguments]

    def install_afresh(self, *arguments: str) -> list[str]:
        """Return the command that writes every file of the packages again, even if they seem to be installed."""
        flag = {"uv": "--reinstall", "pip": "--ignore-installed"}[self.name]
        return self.install(flag, "--no-deps", *arguments)

    def uninstall(self, *names: str) -> list[str]:
        yes = ["--yes"] if self.name == "pip" else []
        return [*self.command, "uninstall", *self.target, *yes, *names]


def own_python() -> str:
    return sys.executable


def pips_at_hand(environment: Environment) -> list[list[str]]:
    """Return the commands of all pips that can install into the environment, starting with its own."""
    pips = []
    if environment.pip:
        pips.append([environment.python, "-m", "pip"])
    if importlib.util.find_spec("pip"):
        pips.append([own_python(), "-m", "pip", "--python", environment.python])
    bundled = Path(os.__file__).parent / "ensurepip" / "_bundled"
    wheels = [*bundled.glob("pip-*.whl"), *DEBIAN_WHEELS.glob("pip-*.whl")]
    # A wheel is a zip file, and Python can run a package from a zip file.
    return pips + [[environment.python, str(wheel / "pip")] for wheel in wheels[:1]]


def find_uv(environment: Environment, tool_directory: str, on_path: str | None) -> str | None:
    """Return the path of the first uv that exists: on PATH, in the environment, or in our directory."""
    beside = str(Path(environment.python).parent / "uv")
    own = str(Path(tool_directory) / "bin" / "uv")
    return next((path for path in (on_path, beside, own) if path and os.access(path, os.X_OK)), None)


def fetch_uv(run: Run, pips: list[list[str]], tool_directory: str) -> str | None:
    """Download uv to our directory, and return its path, or None if this fails."""
    if not pips:
        return None
    fresh = Path(f"{tool_directory}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    status, _out, _err = run([*pips[0], "install", "--no-deps", "--retries=1", "--target", str(fresh), "uv"])
    if status != 0 or not os.access(fresh / "bin" / "uv", os.X_OK):
        shutil.rmtree(fresh, ignore_errors=True)
        return None
    shutil.rmtree(tool_directory, ignore_errors=True)
    fresh.replace(tool_directory)
    return str(Path(tool_directory) / "bin" / "uv")


def allowed(environment: Environment) -> list[str]:
    """Return the option that overrides the marker of the system's Python (PEP 668), because the administrator has named this Python."""
    return ["--break-system-packages"] if environment.externally_managed else []


def choose(
    run: Run,
    environment: Environment,
    tool_directory: str,
    uv_on_path: str | None,
    options: list[str],
    may_fetch: bool = True,
) -> Installer:
    """Return the installer for an environment: uv, which is ten times as fast, or pip. Raises PackagesError if neither is available.

    uv ignores packages that the distribution has installed next to the environment's own, and would install second copies over them.
    pip respects them, but can fail to replace them. So if there are any, pip chooses the versions, and uv installs them.

    may_fetch: whether uv may be downloaded.
    """
    pips = pips_at_hand(environment)
    if environment.foreign and environment.is_system and not pips:
        raise PackagesError(
            f"Only pip respects the packages that the distribution has installed there, but it is not available. {HOW}."
        )
    flags = allowed(environment)
    pip = Installer("pip", pips[0], flags) if pips else None
    planner = pip if environment.foreign else None
    uv = find_uv(environment, tool_directory, uv_on_path)
    if not uv and may_fetch:
        uv = fetch_uv(run, pips, tool_directory)
    if uv:
        target = ["--python", environment.python, *flags]
        # uv has retried several times already.
        fallback = pip and replace(pip, options=["--retries=1"], planner=planner)
        return Installer("uv", [uv, "pip"], target, options, planner, fallback)
    if pip:
        return replace(pip, planner=planner)
    raise PackagesError(f"Neither uv nor pip is available. {HOW}.")


def constraint_arguments(folder: str, constraints: list[str]) -> list[str]:
    if not constraints:
        return []
    path = Path(folder, "constraints.txt")
    path.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
    return ["--constraint", str(path)]
