# SPDX-License-Identifier: GPL-3.0-or-later
"""Write copies of what people typed if it would exist nowhere else: the last resort."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from base64 import decodebytes, encodebytes
from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import ensure_async

# In bytes. Linux's file systems allow 255, and the contents manager prefixes the name with two while it rewrites a file.
LONGEST_NAME = 253
PRIVATE = 0o600
MARK = ".before-"  # in the name of each copy, followed by the time


# The paths of copies that are being written. Until a copy exists, nothing else shows that its name is taken.
_being_written: set[str] = set()


async def write_new(manager: Any, path: str, model: dict[str, Any]) -> PurePosixPath:
    """Write a copy next to a file, or in the top folder if that fails. Return its path. Raises what the contents manager raises.

    The file's folder may not be writable, or may just have been moved. Users who cannot read the file cannot read the copy.
    """
    mode = _mode_of(manager, path)
    try:
        return await _write_beside(manager, path, model, mode)
    except Exception:
        with contextlib.suppress(Exception):
            return await _write_beside(manager, PurePosixPath(path).name, model, mode)
        raise


def has(manager: Any, path: str, model: dict[str, Any]) -> bool:
    """Return whether a copy with this content exists next to a file, as far as that can be known.

    So a server that was killed after it wrote the copy does not write a second one.
    """
    if not isinstance(manager, FileManagerMixin) or not isinstance(model["content"], str):
        return False
    data = _bytes_of(model)
    with contextlib.suppress(OSError):
        folder = Path(_place(manager, PurePosixPath(path))).parent
        return any(_holds(copy, data) for copy in folder.glob(f"*{MARK}*"))
    return False


def _bytes_of(model: dict[str, Any]) -> bytes:
    content: str = model["content"]
    return content.encode() if model["format"] == "text" else decodebytes(content.encode("ascii"))


def _holds(file: Path, data: bytes) -> bool:
    with contextlib.suppress(OSError):
        return file.stat().st_size == len(data) and file.read_bytes() == data
    return False


def _mode_of(manager: Any, path: str) -> int:
    """Return the permissions for a copy of a file. If the file no longer exists, nobody knows who could read it."""
    if isinstance(manager, FileManagerMixin):
        with contextlib.suppress(OSError):
            return os.stat(_place(manager, PurePosixPath(path))).st_mode & 0o666 | PRIVATE
    return PRIVATE


async def _write_beside(manager: Any, path: str, model: dict[str, Any], mode: int) -> PurePosixPath:
    """Write a copy next to a file, under an unused name."""
    file = PurePosixPath(path)
    for number in itertools.count(1):  # several copies may be written in one second
        again = f"-{number}" if number > 1 else ""
        copy = file.with_name(name_of(file.name, f"{MARK}{time.strftime('%Y%m%d-%H%M%S')}{again}"))
        if str(copy) in _being_written:
            continue
        _being_written.add(str(copy))
        try:
            if not await ensure_async(manager.file_exists(str(copy))) and _take(manager, copy, mode):
                await _write_or_give_up(manager, copy, model)
                break
        finally:
            _being_written.discard(str(copy))
    return copy


def _take(manager: Any, copy: PurePosixPath, mode: int) -> bool:
    """Create the empty file, so that no other server uses the same name. Return False if the name is already taken."""
    if isinstance(manager, FileManagerMixin):
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(_place(manager, copy), flags, mode))
        except FileExistsError:
            return False
        except OSError:
            pass  # the contents manager reports the reason
    return True


def _place(manager: Any, copy: PurePosixPath) -> str:
    return str(manager._get_os_path(str(copy)))


async def _write_or_give_up(manager: Any, copy: PurePosixPath, model: dict[str, Any]) -> None:
    """Write a copy. If that fails, leave no empty file."""
    try:
        await write(manager, copy, model)
    except BaseException:
        if isinstance(manager, FileManagerMixin):
            with contextlib.suppress(OSError):
                if not os.path.getsize(place := _place(manager, copy)):
                    os.unlink(place)
        raise


def name_of(name: str, what: str) -> str:
    """Return a file's name with `what` inserted before its extension, shortened to the length that file systems allow."""
    file = PurePosixPath(name)
    stem, suffix = (file.stem, file.suffix) if len(file.suffix.encode()) < 30 else (name, "")
    room = LONGEST_NAME - len((what + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + what + suffix


def model_of(data: bytes) -> dict[str, Any]:
    """Return the model with which a contents manager writes a file with these bytes."""
    try:
        return {"type": "file", "format": "text", "content": data.decode()}
    except UnicodeDecodeError:
        return {"type": "file", "format": "base64", "content": encodebytes(data).decode("ascii")}


async def write(manager: Any, copy: PurePosixPath, model: dict[str, Any]) -> None:
    await ensure_async(manager.save(model, str(copy)))
