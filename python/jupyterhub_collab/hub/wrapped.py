# SPDX-License-Identifier: GPL-3.0-or-later
"""Spawners that have another one start the server, as `wrapspawner` has the one of the profile that someone chose.

The hub's hooks run for the outer one. The inner one gets from it what the profile does not set, and a profile may have a command,
options and an environment of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from jupyterhub.spawner import Spawner

# By the name of a method of spawners, what makes its answer fit an inner spawner: it gets the outer one, the inner one and the answer.
Fit = Callable[[Any, Any, Any], Any]
_fits: dict[str, Fit] = {}


def fit_inner(method: str, fit: Fit) -> None:
    """Have inner spawners answer with what `fit` makes of their own answer."""
    _fits[method] = fit
    theirs = getattr(Spawner, method)
    if hasattr(theirs, "fits_inner"):
        return

    @wraps(theirs)
    def fitted(spawner: Any) -> Any:
        answer = theirs(spawner)
        outer = outer_of(spawner)
        return answer if outer is None else _fits[method](outer, spawner, answer)

    fitted.fits_inner = True  # type: ignore[attr-defined]
    setattr(Spawner, method, fitted)


def outer_of(spawner: Any) -> Any:
    """Return the spawner that the hub knows, where it holds this one to start the server; None where this one is it."""
    spawners = getattr(spawner.user, "spawners", {})
    outer = spawners.get(spawner.name)
    if outer is None or outer is spawner:
        return None
    held = [*vars(outer).values(), *outer._trait_values.values()]
    return outer if any(each is spawner for each in held) else None
