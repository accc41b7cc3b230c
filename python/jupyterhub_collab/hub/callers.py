# SPDX-License-Identifier: GPL-3.0-or-later
"""Find callers on the stack, for code that does not get them as arguments."""

from __future__ import annotations

import sys
from typing import TypeVar

Kind = TypeVar("Kind")


def callers(kind: type[Kind]) -> list[Kind]:
    """Return the objects of a class whose methods are on the current call stack, innermost first, each once."""
    found: list[Kind] = []
    frame = sys._getframe(1)
    while frame is not None:
        holder = frame.f_locals.get("self")
        if isinstance(holder, kind) and not any(holder is each for each in found):
            found.append(holder)
        frame = frame.f_back  # type: ignore[assignment]
    return found
