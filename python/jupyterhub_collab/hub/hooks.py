# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks, added to those that the administrator has set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

Hook = Callable[..., Any]


def sections_with(c: Any, trait: str) -> set[str]:
    """Return the names of the configuration's sections that set a trait; a class may be configured in several."""
    return {name for name, value in c.items() if isinstance(value, Config) and trait in value}


def chain(c: Any, section: str, trait: str, wrap: Callable[[Hook], Hook]) -> None:
    """Set the hook `trait` to `wrap(theirs)` in `section` and in every other section that sets it.

    `wrap` gets the hook that runs without ours, and returns the one to put in its place. The more specific section
    wins over the base class's, so a hook on `PAMAuthenticator` would hide ours on `Authenticator`.
    """
    for name in sorted(sections_with(c, trait) | {section}):
        theirs = c[name].get(trait)
        if isinstance(theirs, LazyConfigValue):
            theirs = None  # the configuration has looked at the hook and set none
        hook: Any = wrap(theirs or of_the_class(trait))
        hook.__wrapped__ = theirs  # as with functools.wraps, for debugging
        hook.is_chained = True
        c[name][trait] = hook


def is_chained(hook: Any) -> bool:
    """Return whether a hook is one that `chain` has set."""
    return getattr(hook, "is_chained", False)


def of_the_class(trait: str) -> Hook:
    """Return a hook that runs the default hook of a class, which any setting in the configuration would hide.

    Where it has none, the hook returns its last argument, as hooks do that change nothing.
    """

    def hook(owner: Any, *arguments: Any) -> Any:
        own = owner.trait_defaults(trait)
        return own(owner, *arguments) if own else [owner, *arguments][-1]

    return hook
