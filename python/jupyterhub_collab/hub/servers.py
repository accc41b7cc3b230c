# SPDX-License-Identifier: GPL-3.0-or-later
"""How people's servers are started so that a right that ends, ends there too."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from jupyterhub.utils import maybe_future

from .hooks import Hook, chain
from .wrapped import fit_inner

# The commands that take options of the single-user server, wherever another program (conda, sudo, singularity) starts them with
# what stands behind them; what a script would do with options is unknown.
COMMANDS = {"jupyterhub-singleuser", "jupyter-labhub", "jupyterhub.singleuser"}
OPTION = "--HubOAuth.cache_max_age="
DEFAULT_SECONDS = 300


def limit_cached_rights(c: Any, seconds: int) -> None:
    """Let servers ask the hub again who may come in after so many seconds, where they trust an answer for 300 by default.

    An administrator's own setting of it stays, and so does a server that is started by a command of another kind. One with live
    collaboration is told among its settings, too, which reach it whatever starts it.
    """
    chain(c, "Spawner", "pre_spawn_hook", lambda theirs: _add_option(f"{OPTION}{seconds}", theirs))
    c.Spawner.pre_spawn_hook.revocation_seconds = seconds
    fit_inner("get_args", lambda _outer, inner, args: _with_option(inner, f"{OPTION}{seconds}", args))


def revocation_seconds(c: Any) -> int:
    """Return after how many seconds a server that the hub starts with this configuration asks it again."""
    hook = c.Spawner.get("pre_spawn_hook")
    while hook is not None:  # what has been chained to it since stands before it
        if seconds := getattr(hook, "revocation_seconds", None):
            return int(seconds)
        hook = getattr(hook, "__wrapped__", None)
    return DEFAULT_SECONDS


def takes_options(command: Sequence[str]) -> bool:
    """Return whether what is added to a command gets to the single-user server."""
    return any(os.path.basename(word) in COMMANDS for word in command)


def _add_option(option: str, theirs: Hook) -> Hook:
    """Return a `pre_spawn_hook` that runs theirs and then adds an option to the server's command."""

    async def pre_spawn_hook(spawner: Any) -> None:
        await maybe_future(theirs(spawner))
        spawner.args = _with_option(spawner, option, spawner.args)

    return pre_spawn_hook


def _with_option(spawner: Any, option: str, args: Sequence[str]) -> list[str]:
    """Return what stands behind a spawner's command, with our option where that command takes it and has none of the kind."""
    theirs = [word for word in args if word != option]
    command = [*(spawner.cmd or []), *theirs]
    return [*theirs, option] if takes_options(command) and OPTION not in " ".join(command) else theirs
