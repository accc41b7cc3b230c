# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares the environment that it runs in for servers that people edit together on: what the snippet for images does.

This file travels as text in the snippet, to interpreters that may lack every package, so it needs nothing but the standard library.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.metadata
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path
from typing import Any

OLDEST_PYTHON = (3, 11)
COLLABORATION = "jupyter-collaboration"
PINNED = ("jupyterlab", "jupyterhub")


class NotPossible(Exception):
    """Why this environment cannot be prepared, in one sentence with the way out."""


def numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def within(version: str, versions: list[str]) -> bool:
    return numbers(versions[0]) <= numbers(version) < numbers(versions[1])


def version_of(name: str) -> str:
    """Return the version of a package that is there; empty where it is not."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def is_whole(name: str, seen: set[str]) -> bool:
    """Return whether a package is there with all that it always needs: an installation that was cut off may lack some."""
    seen.add(name)
    if not version_of(name):
        return False
    needed = [line for line in importlib.metadata.requires(name) or [] if ";" not in line]
    names = {match[0] for match in map(re.compile(r"[\w.-]+").match, needed) if match}
    return all(is_whole(each, seen) for each in sorted(names - seen))


def collaboration_for(lab: str, fits: list[Any]) -> list[str]:
    """Return from which version, and below which, jupyter-collaboration fits a JupyterLab."""
    for lab_versions, versions in fits:
        if within(lab, lab_versions):
            return list(versions)
    raise NotPossible(
        f"no live collaboration fits the JupyterLab {lab} of {sys.prefix}: "
        f"take one from {fits[-1][0][0]} to below {fits[0][0][1]}, or update the collection that made this snippet"
    )


def parts_for(lab: str, parts: list[Any]) -> dict[str, list[str]]:
    """Return from which version, and below which, the parts of jupyter-collaboration fit a JupyterLab."""
    return next((dict(each) for lab_versions, each in parts if within(lab, lab_versions)), {})


def must_write(*paths: str) -> None:
    """Raise where one of the paths could not be written."""
    for path in map(Path, paths):
        there = next(each for each in (path, *path.parents) if each.exists())
        if not os.access(there, os.W_OK):
            raise NotPossible(
                f"{there} cannot be written: run this as root, or as the user who may change it"
            )


def installer() -> list[str]:
    """Return what precedes the options of an installation into this environment."""
    managed = (
        sys.prefix == sys.base_prefix and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()
    )
    uv = shutil.which("uv") or shutil.which("uv", path=os.path.dirname(sys.executable))
    # uv takes no notice of packages that a distribution has put beside the environment's own.
    if uv and not managed:
        return [uv, "pip", "install", "--python", sys.executable]
    if importlib.util.find_spec("pip") is None:
        raise NotPossible(f"there is neither pip nor uv for {sys.executable}: install one of them first")
    pip = [sys.executable, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    return [*pip, "--break-system-packages"] if managed else pip


def install(command: list[str], requirements: list[str]) -> None:
    """Install what meets the requirements, and let nothing move that JupyterLab's and the hub's versions hang on."""
    with tempfile.TemporaryDirectory() as directory:
        constraints = Path(directory, "constraints.txt")
        constraints.write_text("".join(f"{name}=={version_of(name)}\n" for name in PINNED), encoding="utf-8")
        told = {"PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore", "UV_COMPILE_BYTECODE": "1", **os.environ}
        arguments = ["--constraint", str(constraints), *requirements]
        if subprocess.run([*command, *arguments], check=False, env=told, cwd="/").returncode:
            raise NotPossible(
                f"{' '.join(requirements)} could not be installed in {sys.prefix}: see above what the installer said"
            )


def unpack(package: str, path: str) -> None:
    """Put the files of the package, a tar in base64, where the hub says that they are: all of them, or none."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    new = tempfile.mkdtemp(dir=os.path.dirname(path), prefix=".new-")
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(package)), mode="r:gz") as archive:
            archive.extractall(new, filter="data")
        os.chmod(new, 0o755)
        with contextlib.suppress(OSError):  # another start has been faster
            os.rename(new, path)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    if not os.path.isdir(path):
        raise NotPossible(f"the package could not be put at {path}: make room there")


def lab_files(where: str, files: list[Any]) -> dict[str, str | None]:
    """Return by their paths the files of JupyterLab's that are not as they are to be; None for those that are to be gone."""
    found = subprocess.run(
        [sys.executable, "-I", "-c", where], capture_output=True, text=True, check=False, cwd="/"
    )
    if found.returncode:
        raise NotPossible(
            f"the JupyterLab of {sys.prefix} does not say where its settings are: install it anew"
        )
    directories = json.loads(found.stdout.splitlines()[-1])
    wanted = {os.path.join(directories[number], name): text for number, name, text in files}
    now = {path: Path(path).read_text(encoding="utf-8") if os.path.exists(path) else None for path in wanted}
    return {path: text for path, text in wanted.items() if text != now[path]}


def write(files: dict[str, str | None]) -> None:
    for path, text in files.items():
        if text is None:
            os.unlink(path)
            continue
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=os.path.dirname(path), delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)


def prepare(
    package: str, path: str, fits: list[Any], parts: list[Any], rival: str, where: str, files: list[Any]
) -> list[str]:
    """Prepare this environment, and return what changed.

    package: its files, to be at `path`. fits, parts: which jupyter-collaboration, and which of what it consists of, fit which
    JupyterLab. rival: what must not be beside it. where: asks JupyterLab for its directories. files: of JupyterLab's settings, each with
    the number of its directory, its name and its text.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise NotPossible(f"the Python of {sys.prefix} is too old: take 3.11 or newer")
    for name in PINNED:
        if not version_of(name):
            raise NotPossible(
                f"there is no {name} in {sys.prefix}: install it first, or name another interpreter"
            )
    if version_of(rival):
        raise NotPossible(
            f"{rival} is installed in {sys.prefix} (jupyter-ai 3 brings it), where it takes the place of {COLLABORATION}: uninstall it, "
            "and jupyter-ai 3 with it"
        )
    lab = version_of("jupyterlab")
    wanted = {COLLABORATION: collaboration_for(lab, fits), **parts_for(lab, parts)}
    complete = is_whole(COLLABORATION, set()) and all(
        within(version_of(name), versions) for name, versions in wanted.items()
    )
    command = [] if complete else installer()
    settings = lab_files(where, files)
    missing = not os.path.isdir(path)
    # Everything that could be refused is, before anything changes.
    must_write(
        *settings, *([path] if missing else []), *([] if complete else [sysconfig.get_path("purelib")])
    )

    # Off before it can be there: nothing is live by itself, not even where the installation is cut off.
    write(settings)
    if missing:
        unpack(package, path)
    if not complete:
        install(command, [f"{name}>={low},<{high}" for name, (low, high) in wanted.items()])
    return [*([] if complete else [COLLABORATION]), *([path] if missing else []), *settings]


def main(name: str, **settings: Any) -> None:
    """Prepare this environment for the script of this name, and say what changed."""
    os.umask(0o022)
    try:
        changed = prepare(**settings)
    except NotPossible as error:
        sys.exit(f"{name}: {error}.")
    sys.stdout.write(f"{name}: changed in {sys.prefix}: {', '.join(changed) or 'nothing'}\n")
