# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the snippet for container images and start scripts."""

from __future__ import annotations

import base64
import gzip
import inspect
import io
import tarfile
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import DIRECTORY, HubPackage
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.lab_files import (
    NOTHING,
    WHERE,
    LabFiles,
)

from . import server_environment
from .package import package_files
from .policy.rtc import CHAT, CHAT_EXTENSION, CHAT_FOR_LAB, COLLABORATION_FOR_LAB, PARTS_FOR_LAB, RIVAL
from .templates import render


def text(lab: dict[str, dict[str, Any]]) -> str:
    """Return the snippet, a shell script. lab: the options of step lab_settings, by the name of the files."""
    return render("snippet.sh.j2", snippet=parts(lab))


def parts(lab: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the parts of the snippet.

    directory: the directory for versions of the package. program: Python source. settings: the program's arguments, as a Python literal.
    package: the package as a compressed tar archive, in base64.

    lab: the options of step lab_settings, by the name of the files.
    """
    package = HubPackage(package_files())
    settings = {
        "path": package.path,
        "fits": [[list(each), list(fit)] for each, fit in COLLABORATION_FOR_LAB.items()],
        "parts": [[list(each), parts] for each, parts in PARTS_FOR_LAB.items()],
        "more": _more(lab),
        "rival": RIVAL,
        "where": WHERE,
        "files": [file for name, wanted in lab.items() for file in _files(name, wanted)],
    }
    return {
        "directory": DIRECTORY,
        "program": inspect.getsource(server_environment),
        "settings": repr(settings),
        "package": base64.encodebytes(_archive(package.files)).decode(),
    }


def _more(lab: dict[str, dict[str, Any]]) -> list[list[Any]]:
    """Return the packages besides jupyter-collaboration: the name of each, and which of its versions support which versions of JupyterLab."""
    has_chat = CHAT_EXTENSION in lab.get("collab-rtc", {}).get("disabled_extensions", [])
    return [[CHAT, [[list(each), list(fit)] for each, fit in CHAT_FOR_LAB.items()]]] if has_chat else []


def _files(name: str, wanted: dict[str, Any]) -> list[list[Any]]:
    """Return the settings files with one name, each as the index of its directory, its file name, and its text (None to delete it)."""
    contents = LabFiles(["0", "1", "2"], name).contents(**{**NOTHING, **wanted})
    return [
        [int(directory), file, text and text.decode()]
        for (directory, _slash, file), text in (
            (path.partition("/"), text) for path, text in contents.items()
        )
    ]


def _archive(files: dict[str, str]) -> bytes:
    """Return the files as a compressed tar archive. The same files always give the same bytes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, text in sorted(files.items()):
            content = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)
