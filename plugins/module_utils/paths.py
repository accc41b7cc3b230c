# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths as people write them: with doubled slashes, with one at the end, and over links."""

from __future__ import annotations

import os
import re


def tidy(path: str) -> str:
    """Return a path without slashes that say nothing. Links in it, and what `..` means after one, stay as they are."""
    return re.sub("/+", "/", path).rstrip("/") or path[:1]


def same(one: str, other: str) -> bool:
    """Return whether two paths lead to the same place, as the system sees it; neither has to exist."""
    return os.path.realpath(one) == os.path.realpath(other)
