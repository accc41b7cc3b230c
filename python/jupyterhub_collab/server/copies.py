# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of what people had typed where it would be nowhere else: the last resort."""

from __future__ import annotations

import itertools
import time
from base64 import encodebytes
from pathlib import PurePosixPath
from typing import Any

from jupyter_server.utils import ensure_async

LONGEST_NAME = 255  # bytes, on all of Linux's file systems


async def free_name(manager: Any, path: str) -> PurePosixPath:
    """Return a path for a copy of a file, beside it."""
    file = PurePosixPath(path)
    for number in itertools.count(1):  # several may be of one second
        again = f"-{number}" if number > 1 else ""
        copy = file.with_name(name_of(file.name, f".before-{time.strftime('%Y%m%d-%H%M%S')}{again}"))
        if not await ensure_async(manager.file_exists(str(copy))):
            break
    return copy


def name_of(name: str, what: str) -> str:
    """Return a file's name with something before its extension, shortened to what a file system takes."""
    file = PurePosixPath(name)
    stem, suffix = (file.stem, file.suffix) if len(file.suffix.encode()) < 30 else (name, "")
    room = LONGEST_NAME - len((what + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + what + suffix


def model_of(data: bytes) -> dict[str, Any]:
    """Return what has a contents manager write a file with these bytes."""
    try:
        return {"type": "file", "format": "text", "content": data.decode()}
    except UnicodeDecodeError:
        return {"type": "file", "format": "base64", "content": encodebytes(data).decode("ascii")}


async def write(manager: Any, copy: PurePosixPath, model: dict[str, Any]) -> None:
    await ensure_async(manager.save(model, str(copy)))
