# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells a document's content from others, worked out quickly: it is asked for at each save, and people wait meanwhile."""

from __future__ import annotations

from typing import Any

# Shorter texts are kept as they are.
LONG = 64


def fingerprint(content: Any) -> Any:
    """Return something that is equal for equal contents only, as far as this process is concerned: by its secret, texts are hashed."""
    if isinstance(content, str):
        return content if len(content) < LONG else (len(content), hash(content))
    if isinstance(content, dict):
        return {key: fingerprint(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [fingerprint(value) for value in content]
    if isinstance(content, bool | int | float):
        return (type(content).__name__, content)  # true and 1 and 1.0 are equal to Python
    return content
