# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Normalize and compare paths as users write them: with repeated or trailing slashes, and through links."""

from __future__ import annotations

import os
import re


def tidy(path: str) -> str:
    """Return a path without redundant slashes. Links are not resolved, and `..` is kept, because it can follow a link."""
    return re.sub("/+", "/", path).rstrip("/") or path[:1]


def overlap(one: str, other: str) -> bool:
    """Return whether two directories are the same, or one is inside the other, after resolving links. Empty paths are none."""
    if not one or not other:
        return False
    places = [os.path.realpath(path) for path in (one, other)]
    return os.path.commonpath(places) in places


def same(one: str, other: str) -> bool:
    """Return whether two paths are the same after resolving links. They need not exist."""
    return os.path.realpath(one) == os.path.realpath(other)
