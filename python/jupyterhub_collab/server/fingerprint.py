# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute a document's fingerprint quickly: it is needed at each save, while people wait."""

from __future__ import annotations

from typing import Any

# Texts with fewer characters are kept as they are.
LONG = 64


def fingerprint(content: Any) -> Any:
    """Return a value that is equal only for equal contents. It is valid only in this process, whose secret Python's hashes depend on."""
    if isinstance(content, str):
        return content if len(content) < LONG else (len(content), hash(content))
    if isinstance(content, dict):
        return {key: fingerprint(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [fingerprint(value) for value in content]
    if isinstance(content, bool | int | float):
        return (type(content).__name__, content)  # to Python, True, 1 and 1.0 are equal
    return content
