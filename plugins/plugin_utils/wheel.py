# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the wheel of the Python package, without a build tool and always with the same bytes.

`uv build --wheel python` builds one with the same files. The controller has no build tool, and must not need a package index.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tomllib
import zipfile

from .package import PACKAGE, package_files

# The oldest time that a zip archive can hold.
TIME = (1980, 1, 1, 0, 0, 0)
MODE = 0o644 << 16


def wheel() -> tuple[str, bytes]:
    """Return the name and the content of the wheel."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stem = f"{project['name'].replace('-', '_')}-{project['version']}"
    about = f"{stem}.dist-info"
    files = {
        **package_files(),
        f"{about}/METADATA": _metadata(project),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: collab.jupyterhub\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/licenses/LICENSE": (PACKAGE / "LICENSE").read_text(encoding="utf-8"),
    }
    record = f"{about}/RECORD"
    files[record] = (
        "".join(_line(name, text.encode()) for name, text in sorted(files.items())) + f"{record},,\n"
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, TIME)
            entry.external_attr, entry.compress_type = MODE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, text.encode())
    return f"{stem}-py3-none-any.whl", content.getvalue()


def version() -> str:
    """Return the version of the package, which is also the collection's."""
    return str(tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _metadata(project: dict[str, str]) -> str:
    readme = (PACKAGE / project["readme"]).read_text(encoding="utf-8")
    return (
        f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\nSummary: {project['description']}\n"
        f"License-Expression: {project['license']}\nLicense-File: LICENSE\nRequires-Python: {project['requires-python']}\n"
        f"Description-Content-Type: text/markdown\n\n{readme}"
    )


def _line(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"
