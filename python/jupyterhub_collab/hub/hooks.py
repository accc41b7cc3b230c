# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks, added to those that the administrator has set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from traitlets.config import Config

Hook = Callable[..., Any]


def chain(c: Any, section: str, trait: str, wrap: Callable[[Hook | None], Hook]) -> None:
    """Set the hook `trait` to `wrap(theirs)` in `section` and in every other section that sets it.

    `wrap` gets the hook that stood there (None where there was none) and returns the one to put in its place.
    The more specific section wins over the base class's, so a hook on `PAMAuthenticator` would hide ours on
    `Authenticator`.
    """
    sections = {name for name, value in c.items() if isinstance(value, Config) and trait in value}
    for name in sorted(sections | {section}):
        c[name][trait] = wrap(c[name].get(trait))
