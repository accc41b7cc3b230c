# SPDX-License-Identifier: GPL-3.0-or-later
"""Support spawners that delegate to another one, as `wrapspawner` does with the spawner of the profile that a user chose.

The hub's hooks run for the outer spawner. The inner one inherits only what the profile does not set, and a profile can set a command,
options and an environment.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from jupyterhub.spawner import Spawner

from ..releases import patches_hub

# Method name -> function that adapts the method's result for an inner spawner. Its arguments: the outer spawner, the inner one, the result.
Fit = Callable[[Any, Any, Any], Any]
_fits: dict[str, Fit] = {}


@patches_hub(
    "jupyterhub.spawner:Spawner.get_env(self)",
    "jupyterhub.spawner:Spawner.get_args(self)",
)
def fit_inner(method: str, fit: Fit) -> None:
    """Make this method of inner spawners return its result as adapted by `fit`."""
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
    """Return the hub's spawner that holds this one as its inner spawner; None if this one is the hub's own."""
    spawners = getattr(spawner.user, "spawners", {})
    outer = spawners.get(spawner.name)
    if outer is None or outer is spawner:
        return None
    held = [*vars(outer).values(), *outer._trait_values.values()]
    return outer if any(each is spawner for each in held) else None
