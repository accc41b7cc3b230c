# SPDX-License-Identifier: GPL-3.0-or-later
"""Check whether this package can protect documents with the installed releases, and tell people if it cannot."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.ioloop import PeriodicCallback
from tornado.web import authenticated

from ..patches.patch import fits, installed, told
from ..patches.releases import FITS
from .notices import Notices

WAY_OUT = "Run the playbook jupyter_rtc again, or update its collection"
# An extension that does the same in another way, and keeps jupyter-collaboration from loading.
RIVAL = "jupyter_server_documents"
# How often people are told about the problem, in seconds. A page receives only what is sent while it is open, and shows it once.
AGAIN_SECONDS = 20


def problem_with(versions: Mapping[str, str]) -> str:
    """Return which package is missing or has an unsupported release, and the way out; empty if all releases are supported.

    versions: the installed releases, by package.
    """
    for name, releases in FITS.items():
        version = versions.get(name)
        if version is None:
            return f"{name} is not installed. {WAY_OUT}."
        if not fits(version, releases):
            return f"{name} {version} is not supported by the collection ({told(releases)}). {WAY_OUT}."
    return ""


def problem_of(app: Any) -> str:
    """Return why a server cannot protect documents, and the way out; empty if it can."""
    extensions = app.extension_manager.extension_apps
    if extensions.get(RIVAL):
        return (
            "jupyter-server-documents is installed (jupyter-ai 3 installs it) and replaces jupyter-collaboration. Uninstall it from"
            " JupyterLab's environment, together with jupyter-ai 3. Older releases of jupyter-ai do not need it."
        )
    if problem := problem_with(_installed()):
        return problem
    if not extensions.get("jupyter_server_ydoc"):
        return f"jupyter_server_ydoc failed to load. See the server's log. {WAY_OUT}."
    return ""


class Protection:
    """Turns the protection on, or tells people, the log and `verify` why it is off.

    problem: why documents are not protected; empty if they are. output: why the server does not write output; empty if it does, or need not.
    """

    def __init__(self, app: Any, notices: Notices) -> None:
        self._notices = notices
        self.problem = problem_of(app)
        self.output = ""
        self._telling = PeriodicCallback(self._tell, 1000 * AGAIN_SECONDS)

    def use(self, *arguments: Any) -> None:
        """Call `patches.server.collaboration.use_rooms`. Do not even import that module if the installed releases are unsupported."""
        if self.problem:
            return
        try:
            importlib.import_module("..patches.server.collaboration", __package__).use_rooms(*arguments)
        except Exception as error:
            self.problem = f"The collection does not support the installed packages ({error!r}). {WAY_OUT}."

    def write_outputs(self, app: Any, *arguments: Any) -> Any:
        """Call `patches.server.kernel_messages.write_outputs`, and return what it returns; None if this Jupyter Server does not support it."""
        try:
            return importlib.import_module("..patches.server.kernel_messages", __package__).write_outputs(
                app, *arguments
            )
        except Exception as error:
            # Documents are protected all the same, and pages write output, as in jupyter-collaboration.
            self.output = f"The output of a cell ends with its tab, because the collection does not support this Jupyter Server ({error!r}). {WAY_OUT}."
            app.log.error(self.output)
            return None

    def tell(self, log: Any) -> None:
        """Log the problem, if there is one, and tell people about it from now on."""
        if self.problem:
            log.error("Documents on this server are not protected: %s", self.problem)
            self._telling.start()

    def _tell(self) -> None:
        self._notices.tell_everyone(f"What you type here is not protected against loss. {self.problem}")


class ProtectionHandler(APIHandler):
    """Tells programs such as the playbook `verify` what this server should do and does not: protect documents, write output, have chats."""

    def initialize(self, protection: Protection, chat: bool) -> None:
        self._protection = protection
        self._chat = chat

    @authenticated
    def get(self) -> None:
        # jupyterlab-chat loads after this package.
        has_chat = "chat_manager" in self.settings
        lacks = (
            f"jupyterlab-chat is missing, or failed to load. {WAY_OUT}."
            if self._chat and not has_chat
            else ""
        )
        self.finish(
            json.dumps(
                {"problem": self._protection.problem, "output": self._protection.output, "chat": lacks}
            )
        )


def _installed() -> dict[str, str]:
    return {name: version for name in FITS if (version := installed(name))}
