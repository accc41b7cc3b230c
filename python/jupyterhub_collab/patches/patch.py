# SPDX-License-Identifier: GPL-3.0-or-later
"""State which releases a patch supports and what it needs of them, and say so when it is activated."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from traitlets.config import Application

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
# Ranges, each from one release to below another.
Releases = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Patch:
    """A patch of an installed distribution.

    name: of the function that activates it, after its module in `patches`.
    releases: those that it supports.
    needs: what these have, as `module:name` or `module:name(parameters)`, with the parameters that the patch relies on. The tests check it.
    """

    name: str
    of: str
    releases: Releases
    needs: tuple[str, ...]

    def say_so(self) -> None:
        """Log that the patch is active, and warn once of each distribution whose installed release is not supported."""
        log = Application.instance().log if Application.initialized() else logging.getLogger(__name__)
        version = installed(self.of)
        log.debug("Patched %s %s: %s", self.of, version, self.name)
        if version and self.of not in _warned and not fits(version, self.releases):
            _warned.add(self.of)
            log.warning(UNKNOWN, self.of, version, told(self.releases))


@cache
def installed(name: str) -> str:
    """Return the release of a distribution when this process first asked; empty if it is missing, or its installation was interrupted.

    Reading a release takes milliseconds, and a server that starts needs those of the same few distributions again and again.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(name) or ""
    return ""


UNKNOWN = "%s %s is not supported by the collection, which patches it (%s). Update the collection, then run the playbook jupyter_rtc again"
# The distributions about which this process has warned.
_warned: set[str] = set()
# All patches in the modules that this process has imported, by name.
PATCHES: dict[str, Patch] = {}


def patches(
    of: str, releases: Releases, *needs: str
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Return a decorator for the one function that activates a patch. The arguments are those of `Patch`."""

    def decorate(activate: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        name = f"{activate.__module__.removeprefix(f'{__package__}.')}.{activate.__qualname__}"
        patch = PATCHES[name] = Patch(name, of, releases, needs)

        @wraps(activate)
        def activate_and_say_so(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
            result = activate(*arguments, **options)
            patch.say_so()
            return result

        return activate_and_say_so

    return decorate


def fits(version: str, releases: Releases) -> bool:
    """Return whether a version is in one of these ranges. A pre-release counts as the release that it leads to."""
    return any(_numbers(low) <= _numbers(version) < _numbers(high) for low, high in releases)


def told(releases: Releases) -> str:
    """Return ranges of releases as text."""
    return " or ".join(f"{low} to below {high}" for low, high in releases)


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
