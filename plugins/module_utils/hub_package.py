# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python package that fragments import, on the host: each version in a directory of its own that never changes."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

from . import transaction
from .hub_process import hub_command, run_as_hub
from .systemd_unit import Unit

DIRECTORY = "/usr/local/lib/collab.jupyterhub"
NEW_PREFIX = ".new-"
SECONDS = 120
# How the fragments of the roles name the version that they import.
IMPORTED = rb'(?m)^(sys\.path\.insert\(0, ")' + re.escape(DIRECTORY).encode() + rb'/[0-9a-f]{12}("\))$'


class HubPackage:
    """One version of the package, from its files: relative path to text."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        self.path = os.path.join(DIRECTORY, digest[:12])

    def install(self) -> None:
        """Put the package in place, where nothing imports it yet."""
        if os.path.isdir(self.path):
            return
        os.makedirs(DIRECTORY, mode=0o755, exist_ok=True)
        if transaction.is_closed(DIRECTORY):
            transaction.open_up(DIRECTORY)
        temporary = tempfile.mkdtemp(dir=DIRECTORY, prefix=NEW_PREFIX)
        try:
            for relative, text in self.files.items():
                path = os.path.join(temporary, relative)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            for directory, _names, files in os.walk(temporary):
                os.chmod(directory, 0o755)
                for name in files:
                    os.chmod(os.path.join(directory, name), 0o644)
            os.rename(temporary, self.path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def closed(self) -> list[str]:
        """Return the directories of the package that users' servers cannot read from, as a strict umask may have made them."""
        return [path for path in (DIRECTORY, self.path) if transaction.is_closed(path)]

    def command(self, unit: Unit, module: str, *arguments: str, part: str = "hub") -> list[str]:
        """Return the command that runs a module of a part of the package with the hub's interpreter."""
        # The package takes the place of the working directory, from which nothing must be imported.
        code = (
            f"import sys; sys.path[0] = sys.argv.pop(1); from jupyterhub_collab.{part}.{module} import main; "
        )
        code += "main(*sys.argv[1:])"
        hub = hub_command(unit)
        return [hub.python, *hub.options, "-c", code, self.path, *arguments]

    def run(
        self, unit: Unit, module: str, *arguments: str, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a module of the package's part for the hub as the hub would be run."""
        return run_as_hub(unit, self.command(unit, module, *arguments), SECONDS, **options)


def imports(fragment: bytes) -> bool:
    """Return whether a fragment imports a version of the package."""
    return bool(re.search(IMPORTED, fragment))


def moved_to(path: str, fragment: bytes) -> bytes:
    """Return a fragment that imports the version at `path`, where it imports any.

    A hub runs one version: the first that a fragment names is in force for all of them.
    """
    return re.sub(IMPORTED, rb"\g<1>" + path.encode() + rb"\g<2>", fragment)


def leftovers() -> list[str]:
    """Return what a process that was killed may have left while it installed a version."""
    return glob.glob(f"{DIRECTORY}/{NEW_PREFIX}*")


def remove_unused(fragments: bytes) -> None:
    """Remove the versions that neither these fragments nor servers that run name, and all where no fragment names any."""
    used = fragments
    if DIRECTORY.encode() in fragments:
        used += b"".join(environments())
    for path in glob.glob(os.path.join(DIRECTORY, "[0-9a-f]" * 12)):
        if path.encode() not in used:
            shutil.rmtree(path, ignore_errors=True)
    if not used:
        with contextlib.suppress(OSError):  # not there, or not ours alone
            os.rmdir(DIRECTORY)


def environments() -> Iterator[bytes]:
    """Yield the environments of the host's processes: servers read from the version that they were started with."""
    locked: dict[tuple[int, int], list[str]] = {}
    for path in glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ends this instant
            owner = os.stat(path)
            try:
                with open(path, "rb") as file:
                    yield file.read()
            except PermissionError:
                locked.setdefault((owner.st_uid, owner.st_gid), []).append(path)
    # In a container root may not look into everyone's processes, but their owner may.
    for (uid, gid), paths in locked.items():
        done = subprocess.run(
            ["cat", *paths],
            user=uid,
            group=gid,
            extra_groups=[],
            env={},  # which the owner can read as well
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        yield done.stdout
