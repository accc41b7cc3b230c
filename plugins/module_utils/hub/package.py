# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the Python package that fragments import. Each version has its own directory, which never changes."""

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

from ..host import transaction
from ..host.process import read_shown

DIRECTORY = "/usr/local/lib/collab.jupyterhub"
NEW_PREFIX = ".new-"
SECONDS = 120
NOT_COMPILED = (
    "Users' servers will start more slowly, because {path} failed to compile: {why}. Fix it, then rerun."
)
# The line by which the roles' fragments select the version to import.
IMPORTED = rb'(?m)^(sys\.path\.insert\(0, ")' + re.escape(DIRECTORY).encode() + rb'/[0-9a-f]{12}("\))$'


class HubPackage:
    """A version of the package.

    files: the text of each file by its path in the package's directory. path: the directory, if the files are not at hand because this
    version will not be installed.
    """

    def __init__(self, files: dict[str, str], path: str = "") -> None:
        self.files = files
        digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        self.path = path if path and not files else os.path.join(DIRECTORY, digest[:12])

    def install(self) -> None:
        """Install this version, unless it is installed already. Installing it has no effect until a fragment imports it."""
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

    def compile(self, python: str) -> str:
        """Compile this version for the interpreter of users' servers, and return why that failed; empty if it did not.

        Servers cannot write here. Without this, each would compile the package again whenever it starts.
        """
        if not (python and os.path.isdir(self.path)):
            return ""
        command = [python, "-I", "-m", "compileall", "-q", self.path]
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=SECONDS, cwd="/", umask=0o022
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        said = (done.stdout + done.stderr).strip().splitlines()
        return (said or [f"{python} ended with status {done.returncode}"])[-1] if done.returncode else ""

    def closed(self) -> list[str]:
        """Return the directories of the package that users' servers cannot read, for example because of a strict umask."""
        return [path for path in (DIRECTORY, self.path) if transaction.is_closed(path)]


def imports(fragment: bytes) -> bool:
    """Return whether a fragment imports a version of the package."""
    return bool(re.search(IMPORTED, fragment))


def moved_to(path: str, fragment: bytes) -> bytes:
    """Return a fragment, changed to import the version at `path` if it imports any version.

    A hub runs one version: the first one that a fragment imports applies to all fragments.
    """
    return re.sub(IMPORTED, rb"\g<1>" + path.encode() + rb"\g<2>", fragment)


def leftovers() -> list[str]:
    """Return the temporary directories that a killed process may have left while it installed a version."""
    return glob.glob(f"{DIRECTORY}/{NEW_PREFIX}*")


def remove_unused(fragments: bytes) -> None:
    """Remove the versions that neither these fragments nor running servers use. If no fragment uses any version, remove all.

    fragments: the concatenated content of all fragments on the host.
    """
    used = fragments
    if DIRECTORY.encode() in fragments:
        # The environment of a server names the version that it was started with, and still reads from.
        environments = read_shown(glob.glob("/proc/[0-9]*/environ"))
        if environments is None:
            return  # any version may be in use. The next run looks again
        used += environments
    for path in glob.glob(os.path.join(DIRECTORY, "[0-9a-f]" * 12)):
        if path.encode() not in used:
            shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # it does not exist, or contains something
        os.rmdir(DIRECTORY)
