# SPDX-License-Identifier: GPL-3.0-or-later
"""Add hooks to those that the administrator has configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import getattr_static
from types import CodeType, NoneType
from typing import Any

from traitlets import TraitType
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

Hook = Callable[..., Any]


def sections_with(c: Any, trait: str) -> set[str]:
    """Return the names of the configuration sections that set a trait. A class can be configured in several sections."""
    return {name for name, value in c.items() if isinstance(value, Config) and trait in value}


def chain(c: Any, section: str, trait: str, wrap: Callable[[Hook], Hook]) -> None:
    """Set the hook `trait` to `wrap(theirs)` in `section` and in every other section that sets it.

    `wrap` gets the configured hook, or else the class's default, and returns its replacement. A subclass's section takes precedence over
    the base class's, so a hook on `PAMAuthenticator` would hide ours on `Authenticator`.
    """
    for name in sorted(sections_with(c, trait) | {section}):
        theirs = c[name].get(trait)
        if isinstance(theirs, LazyConfigValue):
            theirs = None  # the configuration has read the trait, but not set it
        hook: Any = wrap(theirs or of_the_class(trait))
        hook.__wrapped__ = theirs  # as functools.wraps does; `revocation_seconds` follows it
        hook.is_chained = True
        c[name][trait] = hook


def is_chained(hook: Any) -> bool:
    """Return whether `chain` has set a hook."""
    return getattr(hook, "is_chained", False)


def hidden(kind: type, traits: Iterable[str]) -> str:
    """Return why a class ignores what the configuration sets for these hooks, as one sentence; empty if it does not.

    A method with a hook's name replaces the hook, and the hub says nothing about the configuration that it then ignores. The same goes for a
    method instead of the one that runs the hook.
    """
    for trait in traits:
        name, runner = kind.__name__, f"run_{trait}"
        if not isinstance(getattr_static(kind, trait, None), TraitType | NoneType):
            return (
                f"{name} has a method {trait}, so the hub ignores {trait} in its configuration, which collaboration needs. "
                f"Rename the method, and call it from a function in c.{name}.{trait}"
            )
        if not _names_any(getattr_static(kind, runner, None), {"super", trait, runner}):
            return (
                f"{name} has a method {runner} that does not run {trait}, which collaboration needs. "
                f"Call super().{runner}() in the method, and await the result if it is awaitable"
            )
    return ""


def _names_any(method: Any, names: set[str]) -> bool:
    """Return whether the code of a method contains one of these names. If there is no code to look at, assume so."""
    todo = [getattr(method, "__code__", None)]
    if todo == [None]:
        return True
    while todo:
        if isinstance(code := todo.pop(), CodeType):
            if names & {*code.co_names}:
                return True
            todo += code.co_consts
    return False


def of_the_class(trait: str) -> Hook:
    """Return a hook that runs the class's default hook, because any hook in the configuration hides that one.

    If the class has no default, the hook returns its last argument unchanged.
    """

    def hook(owner: Any, *arguments: Any) -> Any:
        own = owner.trait_defaults(trait)
        return own(owner, *arguments) if own else [owner, *arguments][-1]

    return hook
