# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a contents manager write documents with our bytes, without making others wait, and never at the same time as another save.

Other saves by the same manager work as before, except that they wait for their turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import fcntl
import functools
import inspect
import os
import time
from base64 import decodebytes
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from jupyter_server.services.contents.fileio import FileManagerMixin
from nbformat.sign import NotebookNotary
from tornado.web import HTTPError

from ...server.apart import Signer
from ...server.notebook_bytes import bytes_of_notebook, formats
from ...within import within
from ..releases import patches_server

# How long another program may lock a file before a save fails, in seconds.
LOCKED = 5
UNCHECKED = (
    "%s opens files in its own way. If another program changes a document's file at the very moment of a save, that change may be overwritten."
    " If it moves the file then, the save may leave a second one in its old place."
)


@dataclass
class Saving:
    """A document that is being saved.

    before: the bytes of its file before the save; None if unknown.
    data: the bytes that the file should hold; None if unknown.
    notebook: what the contents manager gets, without marks of trust, if the document is a notebook.
    signature: the notebook's signature if all its output is trusted; otherwise empty.
    written: what the contents manager has written, or tried to write, by path.
    os_path: where the contents manager writes the document; empty if unknown.
    is_written: whether the contents manager has written the document there. What fails then is a hook.
    is_as_read: returns whether a file, given its descriptor, is the one that was read before the save, and still holds the same.
    is_refused: whether nothing was written because the file was no longer there, or no longer the same.
    """

    before: bytes | None
    data: bytes | None
    notebook: Any = None
    signature: str = ""
    written: dict[str, bytes] = field(default_factory=dict)
    os_path: str = ""
    is_written: bool = False
    is_as_read: Callable[[int], bool] = lambda _descriptor: True
    is_refused: bool = False

    def is_of(self, notebook: Any) -> bool:
        """Return whether a notebook is the one being saved, and no hook has changed it."""
        return self.notebook is not None and _bare(notebook) == self.notebook

    def open(self, path: str, flags: int) -> int:
        """Open the document's file to write it, as the opener of `open`. Neither create it, nor truncate one that has changed.

        A program may have moved, replaced or changed it after it was read.
        """
        try:
            descriptor = os.open(path, (flags | os.O_NONBLOCK) & ~(os.O_CREAT | os.O_TRUNC))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self.is_refused = True
            raise
        try:
            if not self.is_as_read(descriptor):
                self.is_refused = True
                raise OSError(errno.EBUSY, "another program has changed the file", path)
            os.ftruncate(descriptor, 0)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


# The document that is being saved. Its file is already locked.
_saving: contextvars.ContextVar[Saving | None] = contextvars.ContextVar("saving", default=None)
# The notebook that is being read, and its signature.
_signed: contextvars.ContextVar[tuple[Any, str] | None] = contextvars.ContextVar("signed", default=None)


@patches_server(
    "jupyter_server.services.contents.filemanager:AsyncFileContentsManager.save(self, model, path)",
    "jupyter_server.services.contents.filemanager:AsyncFileContentsManager._save_notebook(self, os_path, nb, capture_validation_error)",
    "jupyter_server.services.contents.filemanager:AsyncFileContentsManager._save_file(self, os_path, content, format)",
    "jupyter_server.services.contents.filemanager:AsyncFileContentsManager._get_os_path(self, path)",
    "jupyter_server.services.contents.fileio:FileManagerMixin.atomic_writing(self, os_path)",
    "nbformat.sign:NotebookNotary.compute_signature(self, nb)",
)
def prepare(manager: Any) -> None:
    """Make a contents manager write documents as this module describes. Calling this again has no effect."""
    _keep_bytes(manager)
    _note_bytes(manager)
    _save_by_turns(manager)


async def begin(manager: Any, before: bytes | None, data: bytes | None, model: dict[str, Any]) -> Saving:
    """Return what is known about a document before it is saved. model: what the contents manager gets."""
    if data is None or model["type"] != "notebook":
        return Saving(before, data)
    _sign_slowly(manager)
    return await asyncio.to_thread(_of_notebook, manager, before, data, model["content"])


def _of_notebook(manager: Any, before: bytes | None, data: bytes, content: Any) -> Saving:
    notebook, signature = formats.from_dict(content), ""
    if (notary := getattr(manager, "notary", None)) is not None and notary.check_cells(notebook):
        signature = notary.compute_signature(notebook)
    return Saving(before, data, _bare(notebook), signature)  # a copy: hooks change `content` itself


async def mark_trusted_cells(manager: Any, notebook: Any, path: str) -> None:
    """Make a contents manager mark the cells of a notebook whose output is trusted, without making others wait."""
    notary = getattr(manager, "notary", None)
    if notary is None:
        manager.mark_trusted_cells(notebook, path)
        return
    _sign_slowly(manager)
    signature = await asyncio.to_thread(notary.compute_signature, notebook)
    with within(_signed, (notebook, signature)):
        manager.mark_trusted_cells(notebook, path)


def signer_of(manager: Any) -> Signer | None:
    """Return how a contents manager signs notebooks; None if it does not sign, or not with Jupyter's own code."""
    notary = getattr(manager, "notary", None)
    marks = type(manager).mark_trusted_cells.__module__ if notary is not None else ""
    if notary.__class__ is not NotebookNotary or not marks.startswith("jupyter_server."):
        return None
    return Signer(notary.secret, notary.algorithm)


def is_signed(manager: Any, digest: str, algorithm: str) -> bool:
    """Return whether a contents manager trusts the output of a notebook with this signature."""
    return bool(manager.notary.store.check_signature(digest, algorithm))


def as_document(saving: Saving) -> AbstractContextManager[None]:
    """Treat a save in this context as a save of this document."""
    return within(_saving, saving)


def _bare(notebook: Any) -> Any:
    """Return a notebook without the marks of trust on its cells, which are not written to files."""
    cells = [
        {**cell, "metadata": {key: value for key, value in cell["metadata"].items() if key != "trusted"}}
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def _keep_bytes(manager: Any) -> None:
    """Make a contents manager write our documents in a thread, as a disk may be slow, and notebooks in the format of their files."""
    theirs = getattr(manager, "_save_notebook", None)
    if theirs is None or hasattr(theirs, "keeps_bytes") or not isinstance(manager, FileManagerMixin):
        return

    def write(os_path: str, notebook: Any, saving: Saving) -> None:
        data = saving.data if saving.is_of(notebook) else None
        _write(manager, os_path, data or bytes_of_notebook(notebook, saving.before or b""))

    def save(os_path: str, nb: Any, capture_validation_error: Any = None) -> Any:
        if (saving := _saving.get()) is None or saving.before is None:
            return theirs(os_path, nb, capture_validation_error=capture_validation_error)
        return write(os_path, nb, saving)

    async def async_save(os_path: str, nb: Any, capture_validation_error: Any = None) -> Any:
        if (saving := _saving.get()) is None or saving.before is None:
            return await theirs(os_path, nb, capture_validation_error=capture_validation_error)
        return await asyncio.to_thread(write, os_path, nb, saving)

    ours: Any = async_save if inspect.iscoroutinefunction(theirs) else save
    ours.keeps_bytes = True
    setattr(manager, "_save_notebook", ours)  # noqa: B010 - mypy takes it for a method
    _write_in_a_thread(manager)


def _write_in_a_thread(manager: Any) -> None:
    """Make a contents manager write our other documents in a thread, too, if Jupyter Server's own code writes them."""
    theirs: Any = manager._save_file
    if not inspect.iscoroutinefunction(theirs) or not theirs.__module__.startswith("jupyter_server."):
        return

    async def save(os_path: str, content: Any, format: Any) -> Any:
        saving = _saving.get()
        if saving is None or saving.data is None:
            return await theirs(os_path, content, format)

        data = content.encode() if format == "text" else decodebytes(content.encode("ascii"))
        return await asyncio.to_thread(_write, manager, os_path, data)

    manager._save_file = save


def _write(manager: Any, os_path: str, data: bytes) -> None:
    with manager.atomic_writing(os_path, text=False) as file:
        file.write(data)


def _sign_slowly(manager: Any) -> None:
    """Make a notary use the signature of our notebook that a thread has computed. To compute it here would make others wait."""
    notary = getattr(manager, "notary", None)  # if it is created now, its database belongs to this thread
    if notary is None or hasattr(notary.compute_signature, "takes_ours"):
        return
    theirs = notary.compute_signature

    def compute_signature(nb: Any) -> Any:
        saving, signed = _saving.get(), _signed.get()
        if signed is not None and signed[0] is nb:
            return signed[1]
        if saving is not None and saving.signature and saving.is_of(nb):
            return saving.signature
        return theirs(nb)

    ours: Any = compute_signature
    ours.takes_ours = True
    notary.compute_signature = ours


class _Noting:
    """Wraps a file that is being written, and records the bytes."""

    def __init__(self, file: Any) -> None:
        self._file, self.noted = file, b""

    def write(self, text: Any) -> Any:
        data = text.encode(self._file.encoding) if isinstance(text, str) else text
        self.noted = self.noted + data if self.noted else data
        return self._file.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _note_bytes(manager: Any) -> None:
    """Make a contents manager record what it writes while a document is saved, to tell it from what other programs write then.

    If Jupyter Server's own code opens files, `Saving.open` opens the document's. Otherwise, the server's log says what that means.
    """
    if not isinstance(manager, FileManagerMixin) or hasattr(manager.atomic_writing, "notes"):
        return
    theirs: Any = manager.atomic_writing
    takes_opener = theirs.__module__.startswith("jupyter_server.")
    if not takes_opener:
        manager.log.warning(UNCHECKED, type(manager).__name__)

    @contextlib.contextmanager
    def atomic_writing(os_path: str, *arguments: Any, **options: Any) -> Iterator[Any]:
        saving = _saving.get()
        if saving is not None and takes_opener and os_path == saving.os_path:
            options["opener"] = saving.open
        with theirs(os_path, *arguments, **options) as file:
            if saving is None:
                yield file
            else:
                noting = _Noting(file)
                try:
                    yield noting
                finally:
                    saving.written[os_path] = noting.noted
        if saving is not None and os_path == saving.os_path:
            saving.is_written = True

    ours: Any = atomic_writing
    ours.notes = True
    setattr(manager, "atomic_writing", ours)  # noqa: B010 - mypy takes it for a method


def _save_by_turns(manager: Any) -> None:
    """Make other saves by a contents manager wait while a document writes the same file. Otherwise, the two would mix.

    If a program keeps the file locked for longer than `LOCKED`, such a save proceeds, as it would without this package.
    """
    theirs, os_path = manager.save, getattr(manager, "_get_os_path", None)
    if hasattr(theirs, "waits") or os_path is None or not inspect.iscoroutinefunction(theirs):
        return  # a synchronous save never overlaps another one

    @functools.wraps(theirs)
    async def save(model: Any, path: str = "") -> Any:
        descriptor = -1
        with contextlib.suppress(OSError, HTTPError):
            if _saving.get() is None and os.path.isfile(place := os_path(path)):
                descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                await locks(descriptor)
        try:
            return await theirs(model, path)
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    ours: Any = save
    ours.waits = True
    manager.save = ours


async def locks(descriptor: int) -> bool:
    """Lock a file for writing, without making others wait. Return False if another program keeps it locked for longer than `LOCKED`."""
    deadline = time.monotonic() + LOCKED
    while not lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


def lock(descriptor: int, how: int) -> bool:
    """Lock a file without waiting. Return True if it is locked, or the file system has no locks. how: `LOCK_EX` or `LOCK_SH`."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)  # other errors: there are no locks
    return True
