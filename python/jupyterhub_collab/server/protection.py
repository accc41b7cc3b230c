# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what this package does for documents can take effect here, and who is told where it cannot."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
from collections.abc import Mapping
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.ioloop import PeriodicCallback
from tornado.web import authenticated

from .notices import Notices

# What takes the place of parts of jupyter-collaboration is made for these releases of what it consists of, each from one to below another,
# and tested with the first and the last of them. Pre-releases count as what they lead to.
FITS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "jupyter-server-ydoc": (("2.4.2", "2.5"), ("3.0", "3.2")),
    "jupyter-ydoc": (("3.5", "5"),),
    "pycrdt": (("0.13", "0.15"),),
    "pycrdt-websocket": (("0.16.2", "0.17"),),
}
WAY_OUT = "Run the playbook jupyter_rtc again, or update its collection"
# Keeps jupyter-collaboration from being loaded, and does the same in another way.
RIVAL = "jupyter_server_documents"
# How often, in seconds, people are told what is wrong: a page hears only what is told while it is open, and shows it once.
AGAIN_SECONDS = 20


def problem_with(versions: Mapping[str, str]) -> str:
    """Return which release, of those that are there, the protection was not made for, in one sentence; empty where all fit."""
    for name, fits in FITS.items():
        version = versions.get(name)
        if version is None:
            return f"{name} is not installed. {WAY_OUT}."
        if not any(_release(low) <= _release(version) < _release(high) for low, high in fits):
            known = " or ".join(f"{low} to below {high}" for low, high in fits)
            return f"{name} {version} is not supported by the collection ({known}). {WAY_OUT}."
    return ""


def problem_of(app: Any) -> str:
    """Return why documents of a server cannot be protected, in one sentence; empty where they can be."""
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
    """Puts the protection in force. problem: why that could not be done, which people, the log and `verify` are told."""

    def __init__(self, app: Any, notices: Notices) -> None:
        self._notices = notices
        self.problem = problem_of(app)
        self._telling = PeriodicCallback(self._tell, 1000 * AGAIN_SECONDS)

    def use(self, *arguments: Any) -> None:
        """Call `replacement.use_rooms`, which is not even imported where it does not fit."""
        if self.problem:
            return
        try:
            importlib.import_module(".replacement", __package__).use_rooms(*arguments)
        except Exception as error:
            self.problem = f"It does not support the installed packages ({error!r}). {WAY_OUT}."

    def tell(self, log: Any) -> None:
        """Tell where it is not in force."""
        if self.problem:
            log.error("What users type into documents here is not protected: %s", self.problem)
            self._telling.start()

    def _tell(self) -> None:
        self._notices.tell_everybody(f"What you type here is not protected against loss. {self.problem}")


class ProtectionHandler(APIHandler):
    """Tells programs, such as the playbook `verify`, whether documents are protected here."""

    def initialize(self, protection: Protection) -> None:
        self._protection = protection

    @authenticated
    def get(self) -> None:
        self.finish(json.dumps({"problem": self._protection.problem}))


def _installed() -> dict[str, str]:
    found = {}
    for name in FITS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
