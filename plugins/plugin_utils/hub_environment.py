# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare the environment of a hub's image for the collection's package. The recipe of the image contains this file.

It needs only the standard library, and pip in the environment.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys

OLDEST_PYTHON = (3, 11)
PACKAGE = "jupyterhub"


def numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def installed() -> str:
    """Return the version of JupyterHub, or an empty string."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return ""


def update(oldest: dict[int, str]) -> str:
    """Update a JupyterHub with a known vulnerability to a release of the same major version without it. Return the version.

    oldest: the oldest release without it, by major version. Exits with a sentence if that is not possible.
    """
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"The Python of {sys.prefix} is too old. Use a base image with 3.11 or newer.")
    before = installed()
    if not before:
        sys.exit(
            f"JupyterHub is not installed in {sys.prefix}. Use the hub's image of the chart as the base image."
        )
    major = numbers(before)[0]
    if major not in oldest:
        known = " or ".join(map(str, oldest))
        sys.exit(f"JupyterHub {before} is not supported. Use a base image with JupyterHub {known}.")
    if numbers(before) >= numbers(oldest[major]):
        return before
    pip = [
        sys.executable,
        "-I",
        "-m",
        "pip",
        "install",
        "--no-input",
        "--no-cache-dir",
        "--disable-pip-version-check",
    ]
    wanted = f"{PACKAGE}>={oldest[major]},<{major + 1}"
    if subprocess.run([*pip, "--root-user-action=ignore", wanted], check=False).returncode:
        sys.exit(
            f"Failed to update JupyterHub {before}, which has a known vulnerability. See pip's output above."
        )
    importlib.invalidate_caches()
    if numbers(installed()) < numbers(oldest[major]):
        sys.exit(
            f"pip reported no error, but {sys.prefix} still has JupyterHub {installed()}. A setting of pip may lead elsewhere."
        )
    return installed()


def main(oldest: dict[int, str]) -> None:
    """Update JupyterHub if needed, and print its version."""
    sys.stdout.write(f"The image has JupyterHub {update(oldest)}\n")
