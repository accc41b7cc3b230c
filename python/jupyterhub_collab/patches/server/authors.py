# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the author of commits on a server where everyone works as one account.

A terminal commits as the user who opened it, the Git panel (jupyterlab-git) as the user who clicks the button. A user who types into
another user's terminal commits under that user's name. `git commit --author` overrides this; `git config` does not.
"""

from __future__ import annotations

import importlib
import inspect
import re
from logging import Logger
from typing import Any

from jupyter_server.base.call_context import CallContext

from ..patch import patches

DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
# The modules that may hold the panel's class: since jupyterlab-git 0.55, and before.
PANELS = ("jupyterlab_git_core.git", "jupyterlab_git.git")


class Authors:
    """Tells Git who a person is. domain: the domain of email addresses, for usernames that are not addresses."""

    def __init__(self, domain: str, log: Logger) -> None:
        self._domain = domain
        self._log = log

    def environment(self) -> dict[str, str]:
        """Return the variables that set Git's author and committer to the user of the current request; empty if there is none."""
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

    @patches("terminado", (("0.8", "1"),), "terminado.management:TermManagerBase.make_term_env(self)")
    def wrap_terminals(self, manager: Any) -> None:
        """Make each new terminal of a terminado manager commit as the user who opens it."""
        make_term_env = manager.make_term_env

        def with_author(*arguments: Any, **options: Any) -> dict[str, str]:
            return {**make_term_env(*arguments, **options), **self.environment()}

        manager.make_term_env = with_author

    @patches("jupyterlab-git", (("0.50", "1"),))
    def wrap_git_panel(self) -> None:
        """Make jupyterlab-git, if it is installed, commit as the user who clicks the button."""
        module = next(filter(None, map(_module, PANELS)), None)
        if module is None:
            return
        commit = module.Git.commit
        if "author" not in inspect.signature(commit).parameters:
            self._log.warning(
                "The installed jupyterlab-git does not accept an author, so commits from its panel carry the account's name"
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
    """Return an email address for a username: the username itself if it is one. Characters that addresses cannot have are replaced."""
    before, _at, after = username.rpartition("@")
    local = re.sub(r"[^\w.!#$%&'*+/=?^`{|}~-]+", "-", before or after).strip(".-") or "unknown"
    return f"{local}@{after if before and DOMAIN.fullmatch(after) else domain}"


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
