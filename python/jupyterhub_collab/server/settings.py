# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that the hub gives this server when it starts it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..names import SERVER_SETTINGS


@dataclass(frozen=True)
class Settings:
    """Settings of this server.

    state: a private directory on a local disk, kept across restarts.
    history_megabytes: the size limit of the document history in it.
    idle_seconds: stop the server after this time without activity; 0 for never.
    email_domain: the domain of people's email addresses in Git.
    managers: who can stop the server, besides its owner and the hub's administrators: `everyone` (true), or `users` and `groups` (lists).
    documents_per_person, websockets_per_person: how many one person can have open at once.
    revocation_seconds: how long the server trusts the hub's last answer about a visitor.
    shared: whether others can open this server without its owner doing anything, as the hub knew when it started it.
    levels: whether the hub tells the access level of every visitor, so that one without is refused.
    requests: whether the hub lets users request access to this server.
    chat: whether the server has jupyterlab-chat, which its environment has turned off.
    output: whether the server writes what cells output into shared notebooks.
    own_variables: names of environment variables that are for the start of the server only, not for what people run there.
    """

    state: Path
    history_megabytes: int = 100
    idle_seconds: int = 0
    email_domain: str = "localhost"
    managers: Mapping[str, Any] = field(default_factory=dict)
    documents_per_person: int = 100
    websockets_per_person: int = 500
    revocation_seconds: int = 300
    shared: bool = False
    levels: bool = False
    requests: bool = False
    chat: bool = False
    output: bool = True
    own_variables: Sequence[str] = ()

    @classmethod
    def from_environment(cls) -> Settings:
        told = json.loads(os.environ.get(SERVER_SETTINGS, "{}"))
        state = _usable(told.get("state_directory")) or _own_directory()
        return cls(
            state=Path(state),
            history_megabytes=told.get("history_megabytes", cls.history_megabytes),
            idle_seconds=told.get("idle_seconds", cls.idle_seconds),
            email_domain=told.get("email_domain") or cls.email_domain,
            managers=told.get("managers") or {},
            documents_per_person=told.get("documents_per_person", cls.documents_per_person),
            websockets_per_person=told.get("websockets_per_person", cls.websockets_per_person),
            revocation_seconds=told.get("revocation_seconds", cls.revocation_seconds),
            shared=told.get("shared", cls.shared),
            levels=told.get("levels", cls.levels),
            requests=told.get("requests", cls.requests),
            chat=told.get("chat", cls.chat),
            output=told.get("output", cls.output),
            own_variables=told.get("own_variables", cls.own_variables),
        )


def _usable(state: str | None) -> str:
    """Return the directory that the hub has given this server, unless it cannot write there, such as to a volume that belongs to root."""
    if not state or not os.path.isdir(state) or os.access(state, os.W_OK | os.X_OK):
        return state or ""
    logging.getLogger(__name__).warning(
        "Cannot write to %s, so the document history is in %s. Let this account write there. In a container, the image needs the recipe of "
        "jupyterhub_rtc_image_directory",
        state,
        _own_directory(),
    )
    return ""


def _own_directory() -> Path:
    """Return a directory in the account's own state directory (XDG base directories), for a hub that cannot create one elsewhere."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    server = os.environ.get("JUPYTERHUB_SERVER_NAME") or "default"
    return Path(base).expanduser() / "jupyterhub-rtc" / server.replace("/", "_")
