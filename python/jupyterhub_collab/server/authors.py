# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose commits are whose, on a server where everyone works as one account.

A terminal commits as the user who opened it, the Git panel (jupyterlab-git) as the user who presses the button. Someone who types into a
terminal of someone else commits under that name, and `git config` or `--author` overrule both.
"""

from __future__ import annotations

import importlib
import inspect
import re
from logging import Logger
from typing import Any

from jupyter_server.base.call_context import CallContext

DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
# Where the panel's class is: since jupyterlab-git 0.55, and before.
PANELS = ("jupyterlab_git_core.git", "jupyterlab_git.git")


class Authors:
    """Tells Git who someone is. domain: what comes behind a person's name in the address."""

    def __init__(self, domain: str, log: Logger) -> None:
        self._domain = domain
        self._log = log

    def environment(self) -> dict[str, str]:
        """Return what Git takes the author and the committer from, for the person whose request is being answered."""
        person = self._person()
        if person is None:
            return {}
        name, address = person
        return {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": address,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": address,
        }

    def _person(self) -> tuple[str, str] | None:
        handler = CallContext.get(CallContext.JUPYTER_HANDLER)
        user = getattr(handler, "current_user", None)
        if user is None:
            return None
        return user.display_name or user.username, address_of(user.username, self._domain)

    def wrap_terminals(self, manager: Any) -> None:
        """Have each new terminal of a terminado manager commit as the user who opens it."""
        make_term_env = manager.make_term_env

        def with_author(*arguments: Any, **options: Any) -> dict[str, str]:
            return {**make_term_env(*arguments, **options), **self.environment()}

        manager.make_term_env = with_author

    def wrap_git_panel(self) -> None:
        """Have jupyterlab-git, if it is installed, commit as the user who presses the button."""
        module = next(filter(None, map(_module, PANELS)), None)
        if module is None:
            return
        commit = module.Git.commit
        if "author" not in inspect.signature(commit).parameters:
            self._log.warning(
                "This jupyterlab-git does not accept an author: commits from its panel carry the account's name"
            )
            return

        async def with_author(git: Any, *arguments: Any, **options: Any) -> Any:
            bound = inspect.signature(commit).bind(git, *arguments, **options)
            person = self._person()
            # Amending a commit does not change its author.
            if person and not bound.arguments.get("author") and not bound.arguments.get("amend"):
                bound.arguments["author"] = "{} <{}>".format(*person)
            return await commit(*bound.args, **bound.kwargs)

        module.Git.commit = with_author


def address_of(username: str, domain: str) -> str:
    """Return an address for a user of the hub: the name itself where it is one, and nothing in it that none may have."""
    before, _at, after = username.rpartition("@")
    local = re.sub(r"[^\w.!#$%&'*+/=?^`{|}~-]+", "-", before or after).strip(".-") or "unknown"
    return f"{local}@{after if before and DOMAIN.fullmatch(after) else domain}"


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
