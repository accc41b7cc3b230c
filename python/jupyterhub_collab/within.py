# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a context variable a value within a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def within(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Set a variable to a value within this context, for the current task and those that it starts."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
