# SPDX-License-Identifier: GPL-3.0-or-later
"""Start users' servers so that they notice soon when a visitor's access ends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from jupyterhub.utils import maybe_future

from ..patches.hub.wrapped import fit_inner
from .hooks import Hook, chain

# Commands that accept options of the single-user server, also if another program (conda, sudo, singularity) runs them. It is
# unknown what any other script does with options.
COMMANDS = {"jupyterhub-singleuser", "jupyter-labhub", "jupyterhub.singleuser"}
OPTION = "--HubOAuth.cache_max_age="
DEFAULT_SECONDS = 300


def limit_cached_rights(c: Any, seconds: int) -> None:
    """Let servers cache the hub's answer about a visitor for this many seconds, instead of 300.

    A value that the administrator has set stays. Servers that an unknown command starts keep their default, except collaboration
    servers: they also get the value in their settings, which reach them with any command.
    """
    chain(c, "Spawner", "pre_spawn_hook", lambda theirs: _add_option(f"{OPTION}{seconds}", theirs))
    c.Spawner.pre_spawn_hook.revocation_seconds = seconds
    fit_inner("get_args", lambda _outer, inner, args: _with_option(inner, f"{OPTION}{seconds}", args))


def revocation_seconds(c: Any) -> int:
    """Return for how many seconds a server that starts with this configuration caches the hub's answers."""
    hook = c.Spawner.get("pre_spawn_hook")
    while hook is not None:  # hooks that were chained later wrap this one
        if seconds := getattr(hook, "revocation_seconds", None):
            return int(seconds)
        hook = getattr(hook, "__wrapped__", None)
    return DEFAULT_SECONDS


def takes_options(command: Sequence[str]) -> bool:
    """Return whether options appended to a command reach the single-user server. They do not reach the end of a line for a shell."""
    return any(os.path.basename(word) in COMMANDS for word in command if len(word.split()) == 1)


def _add_option(option: str, theirs: Hook) -> Hook:
    """Return a `pre_spawn_hook` that runs the configured one, and then adds an option to the server's command."""

    async def pre_spawn_hook(spawner: Any) -> None:
        await maybe_future(theirs(spawner))
        spawner.args = _with_option(spawner, option, spawner.args)

    return pre_spawn_hook


def _with_option(spawner: Any, option: str, args: Sequence[str]) -> list[str]:
    """Return the arguments of a spawner's command, with our option if the command accepts it and does not set it already."""
    theirs = [word for word in args if word != option]
    command = [*(spawner.cmd or []), *theirs]
    return [*theirs, option] if takes_options(command) and OPTION not in " ".join(command) else theirs
