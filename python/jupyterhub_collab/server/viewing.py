# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide which requests of a viewer this server answers: those that only read, by handlers that are known to. All others are refused."""

from __future__ import annotations

import json
import os
import re
from pathlib import PurePath
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from . import view_table
from .settings import Settings

VIEW_ONLY = "You can view this server, but not change anything on it. Ask its owner or an administrator for more access."
UNKNOWN = "Your access level on this server is unknown. Ask an administrator of the hub."
HIDDEN = "Viewers cannot open this file. Ask the owner of this server."
ELSEWHERE = "Viewers cannot open files here, because this server cannot tell which files they lead to. Ask for more access."
AWARENESS = "JupyterLab:globalAwareness"
FORMATS = {"json", "text", "base64"}
# Where the system shows processes, devices and sockets as files. With a process's environment, a viewer would have the server's token.
SYSTEM = ("/proc", "/sys", "/dev", "/run")


def refusal(sentence: str = VIEW_ONLY) -> HTTPError:
    return HTTPError(403, sentence, reason=sentence)


def is_public(handler: Any) -> bool:
    """Return whether a request may be answered whatever the visitor's level."""
    return view_table.name_of(type(handler)) in view_table.PUBLIC and _only_reads(handler)


async def refuse_changes(handler: Any) -> None:
    """Raise HTTPError unless a viewer may send this request."""
    name = view_table.name_of(type(handler))
    if name in view_table.PAGES and _only_reads(handler):
        return
    if name == view_table.SETTINGS and _only_reads(handler):
        _refuse_other_settings(handler)
    elif name in view_table.FILES and _only_reads(handler):
        await refuse_hidden(handler, _path_of(handler))
    elif name == view_table.SESSION and handler.request.method in ("PUT", "OPTIONS"):
        if handler.request.method == "PUT":
            await _refuse_other_sessions(handler)
    elif name in view_table.SOCKETS and handler.request.method == "GET":
        if name == view_table.ROOM:
            await _refuse_other_rooms(handler)
    else:
        raise refusal()


def _only_reads(handler: Any) -> bool:
    return handler.request.method in view_table.READING


def _path_of(handler: Any) -> str:
    return str(handler.path_kwargs.get("path", "".join(handler.path_args[:1])))


def _refuse_other_settings(handler: Any) -> None:
    """Raise HTTPError if a request's address leads out of the directories with settings."""
    named = [part for part in (*handler.path_args, *handler.path_kwargs.values()) if part]
    if not all(map(is_setting, named)):
        raise refusal(HIDDEN)


def is_setting(name: str) -> bool:
    """Return whether this can be the name of a setting: a package, a colon, and its plugin. Each of them becomes part of a path."""
    return not any(part in ("", ".", "..") for part in re.split("[/:]", name))


async def _refuse_other_sessions(handler: Any) -> None:
    """Raise HTTPError unless a request asks for the session of an existing document."""
    path = _path_of(handler)
    await refuse_hidden(handler, path)
    try:
        form = json.loads(handler.request.body)
        is_form = _is_form(form["format"], form["type"])
    except (ValueError, TypeError, KeyError):
        is_form = False
    if not is_form:
        raise HTTPError(400, "This is not a document's format and type")
    if not await ensure_async(_contents_of(handler).file_exists(path)):
        raise HTTPError(404, f"File {path!r} does not exist")


async def _refuse_other_rooms(handler: Any) -> None:
    """Raise HTTPError unless a websocket is for an existing document, or for the list of collaborators."""
    # As it is in the address, because jupyter-collaboration does not decode it: it would create a room for each way to write the name.
    room = handler.request.path.rpartition("/")[2]
    if room == AWARENESS:
        return
    parts = room.split(":")
    if len(parts) != 3 or not _is_form(*parts[:2]):
        raise refusal()
    path = handler.settings["file_id_manager"].get_path(parts[2])
    if path is None or not await ensure_async(_contents_of(handler).file_exists(path)):
        raise HTTPError(404)
    await refuse_hidden(handler, path)


def _is_form(format_: Any, type_: Any) -> bool:
    """Return whether a document can have this format and type."""
    from jupyter_ydoc import ydocs  # noqa: PLC0415  # a server without collaboration has the guard, too

    return isinstance(type_, str) and format_ in FORMATS and type_ in ydocs


def _contents_of(handler: Any) -> Any:
    return handler.settings["contents_manager"]


async def refuse_hidden(handler: Any, path: str) -> None:
    """Raise HTTPError if a path in the server's API leads to a file that viewers must not read.

    These are hidden files, even if the owner sees them, and what could give a viewer more access: links are followed first.
    """
    manager = _contents_of(handler)
    if any(part.startswith(".") for part in PurePath(path).parts) or await ensure_async(
        manager.is_hidden(path)
    ):
        raise refusal(HIDDEN)
    place = getattr(manager, "_get_os_path", None)
    if place is None:
        raise refusal(ELSEWHERE)
    real, root = os.path.realpath(place(path.strip("/"))), os.path.realpath(manager.root_dir)
    inside = _below(real, root)
    # What leads to the server's directory itself may be hidden.
    shown = os.path.relpath(real, root) if inside and real != root else "" if inside else real
    if any(part.startswith(".") for part in PurePath(shown).parts):
        raise refusal(HIDDEN)
    if any(_below(real, os.path.realpath(each)) for each in _private(handler)):
        raise refusal(HIDDEN)


def _private(handler: Any) -> list[str]:
    """Return directories that viewers cannot see, wherever they are: tokens of servers and kernels, settings, and our own state."""
    app = handler.serverapp if isinstance(handler, JupyterHandler) else None
    jupyter = [app.runtime_dir, app.config_dir, app.data_dir] if app is not None else []
    return [*SYSTEM, *jupyter, str(Settings.from_environment().state)]


def _below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
