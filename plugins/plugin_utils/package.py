# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the Python package that is part of the collection."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "python"


def package_files() -> dict[str, str]:
    """Return the text of each file of the package, by its path relative to the directory `python`."""
    return {
        str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8")
        for path in sorted(PACKAGE.glob("jupyterhub_collab/**/*"))
        if path.is_file() and path.suffix != ".pyc"
    }
