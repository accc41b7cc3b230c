# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare the environment that runs this file for live collaboration. The snippet for images contains this file.

The interpreter may lack all packages, so this file needs only the standard library.
"""

from __future__ import annotations

import base64
import compileall
import contextlib
import fcntl
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
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OLDEST_PYTHON = (3, 11)
COLLABORATION = "jupyter-collaboration"
LOCK = ".collab.jupyterhub.lock"
LOCK_SECONDS = 300  # a start script that takes longer to change the environment is considered hung
PINNED = ("jupyterlab", "jupyterhub")


class NotPossible(Exception):
    """The environment cannot be prepared. The message says why, and how to fix it."""


def numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def within(version: str, versions: list[str]) -> bool:
    return numbers(versions[0]) <= numbers(version) < numbers(versions[1])


def version_of(name: str) -> str:
    """Return the version of an installed package, or an empty string."""
    try:
        return importlib.metadata.version(name) or ""  # None if its installation was interrupted
    except importlib.metadata.PackageNotFoundError:
        return ""


def is_whole(name: str, seen: set[str]) -> bool:
    """Return whether a package and its unconditional dependencies are installed. After an interrupted installation, some may be missing.

    seen: names that need not be checked again. Checked names are added.
    """
    seen.add(name)
    if not version_of(name):
        return False
    needed = [line for line in importlib.metadata.requires(name) or [] if ";" not in line]
    names = {match[0] for match in map(re.compile(r"[\w.-]+").match, needed) if match}
    return all(is_whole(each, seen) for each in sorted(names - seen))


def collaboration_for(lab: str, fits: list[Any]) -> list[str]:
    """Return the range of versions of jupyter-collaboration that support a version of JupyterLab. Raises NotPossible if there is none."""
    for lab_versions, versions in fits:
        if within(lab, lab_versions):
            return list(versions)
    raise NotPossible(
        f"No jupyter-collaboration supports the JupyterLab {lab} in {sys.prefix}. "
        f"Install a JupyterLab from {fits[-1][0][0]} to below {fits[0][0][1]}, or update the collection that wrote this snippet"
    )


def parts_for(lab: str, parts: list[Any]) -> dict[str, list[str]]:
    """Return the version ranges, by name, of the parts of jupyter-collaboration that support a version of JupyterLab."""
    return next((dict(each) for lab_versions, each in parts if within(lab, lab_versions)), {})


def more_for(lab: str, more: list[Any]) -> dict[str, list[str]]:
    """Return the version ranges, by name, of other packages that support a version of JupyterLab. Raises NotPossible if there is none."""
    found = {}
    for name, fits in more:
        found[name] = next(
            (list(versions) for lab_versions, versions in fits if within(lab, lab_versions)), []
        )
        if not found[name]:
            raise NotPossible(
                f"No {name} supports the JupyterLab {lab} in {sys.prefix}. "
                f"Install a JupyterLab from {fits[-1][0][0]} to below {fits[0][0][1]}, or run the playbook without {name}"
            )
    return found


def must_write(*paths: str) -> None:
    """Raise NotPossible if one of the paths cannot be written or created."""
    for path in map(Path, paths):
        there = next(each for each in (path, *path.parents) if each.exists())
        if not os.access(there, os.W_OK):
            raise NotPossible(f"Cannot write to {there}. Run this as root, or as a user who can change it")


def installer() -> list[str]:
    """Return the command that installs packages into this environment. Raises NotPossible if there is no installer."""
    managed = (
        sys.prefix == sys.base_prefix and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()
    )
    uv = shutil.which("uv") or shutil.which("uv", path=os.path.dirname(sys.executable))
    # uv ignores packages that the distribution has installed next to the environment's own, so use pip for a managed environment.
    if uv and not managed:
        return [uv, "pip", "install", "--python", sys.executable]
    if importlib.util.find_spec("pip") is None:
        raise NotPossible(f"Neither pip nor uv is available for {sys.executable}. Install one of them first")
    pip = [sys.executable, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    return [*pip, "--break-system-packages"] if managed else pip


def install(command: list[str], requirements: list[str]) -> None:
    """Install the requirements without changing the versions of JupyterLab and JupyterHub. Raises NotPossible."""
    with tempfile.TemporaryDirectory() as directory:
        constraints = Path(directory, "constraints.txt")
        constraints.write_text("".join(f"{name}=={version_of(name)}\n" for name in PINNED), encoding="utf-8")
        told = {"PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore", "UV_COMPILE_BYTECODE": "1", **os.environ}
        arguments = ["--constraint", str(constraints), *requirements]
        if subprocess.run([*command, *arguments], check=False, env=told, cwd="/").returncode:
            raise NotPossible(
                f"Failed to install {' '.join(requirements)} in {sys.prefix}. See the installer's output above"
            )


def unpack(package: str, path: str) -> None:
    """Extract the package, a compressed tar archive in base64, to the path that the hub expects. Extract all files, or none.

    Raises NotPossible.
    """
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    new = tempfile.mkdtemp(dir=os.path.dirname(path), prefix=".new-")
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(package)), mode="r:gz") as archive:
            # Not with `extractall`, which only has filters from Python 3.11.4 on, and without them keeps the archive's owners.
            for entry in archive:
                file = Path(new, entry.name)
                file.parent.mkdir(parents=True, exist_ok=True)
                with archive.extractfile(entry) or io.BytesIO() as content:
                    file.write_bytes(content.read())
        os.chmod(new, 0o755)
        with contextlib.suppress(OSError):  # another start script was faster
            os.rename(new, path)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    if not os.path.isdir(path):
        raise NotPossible(f"Failed to extract the package to {path}. Free some disk space there")
    # Servers of other accounts cannot write there, and would compile it again whenever they start.
    compileall.compile_dir(path, quiet=2)


def lab_files(where: str, files: list[Any]) -> dict[str, str | None]:
    """Return the new text, by path, of JupyterLab's settings files that must change, or None for those to delete.

    where: a program that prints the directories of these files. files: see `prepare`. Raises NotPossible.
    """
    found = subprocess.run(
        [sys.executable, "-I", "-c", where], capture_output=True, text=True, check=False, cwd="/"
    )
    if found.returncode:
        raise NotPossible(
            f"The JupyterLab in {sys.prefix} does not report where its settings are. Reinstall it"
        )
    directories = json.loads(found.stdout.splitlines()[-1])
    wanted = {os.path.join(directories[number], name): text for number, name, text in files}
    return {path: text for path, text in wanted.items() if text != read(path)}


def read(path: str) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return Path(path).read_text(encoding="utf-8")
    return None


def write(files: dict[str, str | None]) -> None:
    for path, text in files.items():
        if text is None:
            Path(path).unlink(missing_ok=True)
            continue
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=os.path.dirname(path), delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)


@contextlib.contextmanager
def lock(directory: str) -> Iterator[None]:
    """Let one start script at a time change an environment. Raises NotPossible.

    Only users who can write to the environment can open the file that is locked, so that nobody else can keep a server waiting.
    """
    path = os.path.join(directory, LOCK)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while not has_locked(
            descriptor := os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), path
        ):
            os.close(descriptor)
            if time.monotonic() > deadline:
                raise NotPossible(
                    f"Another program has been changing {directory} for {LOCK_SECONDS} s. End it, then start the server again"
                )
            time.sleep(0.2)
    except OSError:  # the user can only write to some directories of the environment
        yield
        return
    try:
        yield
    finally:
        Path(path).unlink(missing_ok=True)
        os.close(descriptor)


def has_locked(descriptor: int, path: str) -> bool:
    """Lock an open file, and return whether this has succeeded. The one that had locked it before may have removed it."""
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    return False


def check(rival: str) -> None:
    """Raise NotPossible if this environment cannot be prepared, whatever is changed in it."""
    if sys.version_info < OLDEST_PYTHON:
        raise NotPossible(f"The Python of {sys.prefix} is too old. Use 3.11 or newer")
    for name in PINNED:
        if not version_of(name):
            raise NotPossible(
                f"{name} is not installed in {sys.prefix}. Install it first, or name another interpreter"
            )
    if version_of(rival):
        raise NotPossible(
            f"{rival} is installed in {sys.prefix} (jupyter-ai 3 installs it) and replaces {COLLABORATION}. Uninstall it, together with "
            "jupyter-ai 3"
        )


def missing_packages(fits: list[Any], parts: list[Any], more: list[Any]) -> list[str]:
    """Return the requirements to install, or none if all of them are met. Raises NotPossible."""
    lab = version_of("jupyterlab")
    wanted = {COLLABORATION: collaboration_for(lab, fits), **parts_for(lab, parts), **more_for(lab, more)}
    seen: set[str] = set()
    if all(is_whole(name, seen) for name in [COLLABORATION, *(name for name, _fits in more)]) and all(
        within(version_of(name), versions) for name, versions in wanted.items()
    ):
        return []
    return [f"{name}>={low},<{high}" for name, (low, high) in wanted.items()]


def prepare(
    package: str,
    path: str,
    fits: list[Any],
    parts: list[Any],
    more: list[Any],
    rival: str,
    where: str,
    files: list[Any],
) -> list[str]:
    """Prepare this environment, and return what changed. Raises NotPossible.

    package: the package to extract to `path`, as a compressed tar archive in base64. fits, parts: which versions of jupyter-collaboration
    and of its parts support which versions of JupyterLab. more: other packages, each with the same. rival: a package that must not be
    installed. where: a program that prints JupyterLab's directories. files: JupyterLab's settings files, each as the index of its
    directory, its name, and its text or None.
    """
    check(rival)
    if os.path.isdir(path) and not missing_packages(fits, parts, more) and not lab_files(where, files):
        return []
    with lock(sys.prefix):
        importlib.invalidate_caches()  # another start script may have just finished
        requirements = missing_packages(fits, parts, more)
        command = installer() if requirements else []
        settings = lab_files(where, files)
        missing = not os.path.isdir(path)
        # Complete all checks before changing anything.
        must_write(
            *settings,
            *([path] if missing else []),
            *([sysconfig.get_path("purelib")] if requirements else []),
        )

        # Disable collaboration before installing it, so that it stays off by default even if the installation is interrupted.
        write(settings)
        if missing:
            unpack(package, path)
        if requirements:
            install(command, requirements)
            importlib.invalidate_caches()
            if missing_packages(fits, parts, more):
                raise NotPossible(
                    f"The installer reported no error, but not all packages are in {sys.prefix}. A setting of the installer may lead elsewhere"
                )
    names = [COLLABORATION, *(name for name, _fits in more)] if requirements else []
    return [*names, *([path] if missing else []), *settings]


def main(name: str, **settings: Any) -> None:
    """Prepare this environment, and print what changed.

    name: the name of the calling script, for messages. settings: the arguments of `prepare`.
    """
    os.umask(0o022)
    try:
        changed = prepare(**settings)
    except NotPossible as error:
        sys.exit(f"{name}: {error}.")
    sys.stdout.write(f"{name}: changed in {sys.prefix}: {', '.join(changed) or 'nothing'}\n")
