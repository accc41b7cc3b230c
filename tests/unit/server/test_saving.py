# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents manager writes documents in a thread, with our bytes unless a hook changes them, signed, and one save after another."""

import asyncio
import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

from jupyterhub_collab.patches.server import saving
from jupyterhub_collab.server.notebook_bytes import bytes_of_notebook, read

pytestmark = pytest.mark.anyio

PICTURE = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<b>drawn</b>"}}


def notebook(source: str, trusted: bool) -> dict[str, Any]:
    metadata = {"trusted": True} if trusted else {}
    cell = {
        "cell_type": "code",
        "id": "one",
        "metadata": metadata,
        "execution_count": 1,
        "outputs": [PICTURE],
    }
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{**cell, "source": source}]}


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))


def manager_of(directory: Path) -> Any:
    manager: Any = AsyncLargeFileManager(root_dir=str(directory))
    return manager


async def save(manager: Any, name: str, before: bytes, data: bytes, model: dict[str, Any]) -> None:
    """Save a document as its room does. before: what its file contains."""
    begun = await saving.begin(manager, before, data, model)
    with saving.as_document(begun):
        await manager.save(model, name)


async def save_notebook(manager: Any, directory: Path, source: str, trusted: bool = False) -> bytes:
    """Save a notebook with a changed source. Return the bytes that the file should have."""
    file = directory / "work.ipynb"
    file.write_text(before := json.dumps(notebook("x = 0", False), indent=3))
    data = bytes_of_notebook(notebook(source, False), before.encode())
    content = read(data)
    content["cells"][0]["metadata"]["trusted"] = trusted
    model = {"type": "notebook", "format": "json", "content": content}
    await save(manager, file.name, before.encode(), data, model)
    return data


async def test_a_slow_disk_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow disk delays nobody: a thread, not the server's event loop, waits for it."""
    manager = manager_of(tmp_path)
    saving.prepare(manager)
    waited = []

    def fsync(_descriptor: int) -> None:
        waited.append(threading.current_thread())

    monkeypatch.setattr(os, "fsync", fsync)
    data = await save_notebook(manager, tmp_path, "x = 1")
    assert (tmp_path / "work.ipynb").read_bytes() == data
    for format_, content in (("text", "two\n"), ("base64", "dHdvCg==")):
        (tmp_path / "notes.txt").write_text("one\n")
        model = {"type": "file", "format": format_, "content": content}
        await save(manager, "notes.txt", b"one\n", b"two\n", model)
        assert (tmp_path / "notes.txt").read_text() == "two\n"
    assert len(waited) == 3 and threading.main_thread() not in waited


async def test_what_a_hook_makes_of_a_notebook_is_written_and_signed(tmp_path: Path) -> None:
    def hook(model: Any, **_more: Any) -> None:
        model["content"]["cells"][0]["outputs"] = []

    manager = manager_of(tmp_path)
    manager.register_pre_save_hook(hook)
    saving.prepare(manager)
    await save_notebook(manager, tmp_path, "x = 1", trusted=True)
    written = (tmp_path / "work.ipynb").read_text()
    assert '\n   "nbformat"' in written, "the file's own formatting is lost"
    made: Any = nbformat.reads(written, as_version=4)  # type: ignore[no-untyped-call]
    assert made.cells[0].source == "x = 1" and made.cells[0].outputs == []
    assert manager.notary.check_signature(made)


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_notebook_is_signed_while_others_go_on(tmp_path: Path, trusted: bool) -> None:
    manager = manager_of(tmp_path)
    theirs, threads = manager.notary.compute_signature, []

    def compute_signature(nb: Any) -> Any:
        threads.append(threading.current_thread())
        return theirs(nb)

    manager.notary.compute_signature = compute_signature
    saving.prepare(manager)
    await save_notebook(manager, tmp_path, "x = 1", trusted)
    assert threading.main_thread() not in threads and len(threads) == trusted
    made: Any = nbformat.read(tmp_path / "work.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert manager.notary.check_signature(made) == trusted


async def test_what_could_not_be_written_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a write fails, the content that a hook had made of it is known, so that a truncated file is not mistaken for another program's."""

    def hook(model: Any, **_more: Any) -> None:
        model["content"] = "by a hook\n"

    def fsync(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    manager = manager_of(tmp_path)
    manager.register_pre_save_hook(hook)
    saving.prepare(manager)
    (tmp_path / "notes.txt").write_text("one\n")
    monkeypatch.setattr(os, "fsync", fsync)
    model = {"type": "file", "format": "text", "content": "two\n"}
    begun = await saving.begin(manager, b"one\n", b"two\n", model)
    with pytest.raises(HTTPError), saving.as_document(begun):
        await manager.save(model, "notes.txt")
    assert list(begun.written.values()) == [b"by a hook\n"]


@pytest.mark.parametrize("own", [True, False])
async def test_the_log_tells_of_a_manager_that_opens_files_in_its_own_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, own: bool
) -> None:
    """What a program writes at the very moment of a save is only safe if Jupyter Server's own code opens the file."""

    class Manager(AsyncLargeFileManager):
        @contextmanager
        def atomic_writing(self, os_path: str, *_arguments: Any, **_options: Any) -> Iterator[Any]:
            with open(os_path, "wb") as file:
                yield file

    manager: Any = Manager(root_dir=str(tmp_path)) if own else manager_of(tmp_path)
    manager.log.propagate = True
    for _file in range(2):
        saving.prepare(manager)
    assert caplog.text.count("Manager opens files in its own way") == own
    (tmp_path / "notes.txt").write_text("one\n")
    await save(
        manager, "notes.txt", b"one\n", b"two\n", {"type": "file", "format": "text", "content": "two\n"}
    )
    assert (tmp_path / "notes.txt").read_text() == "two\n"


async def test_a_text_leaves_no_signatures(tmp_path: Path) -> None:
    """Saving a text creates no signature database: nothing that is not needed is written into a home directory."""
    manager = manager_of(tmp_path)
    saving.prepare(manager)
    (tmp_path / "notes.txt").write_text("one\n")
    await save(
        manager, "notes.txt", b"one\n", b"two\n", {"type": "file", "format": "text", "content": "two\n"}
    )
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


async def test_what_is_saved_at_once_does_not_mix(tmp_path: Path) -> None:
    """Simultaneous saves do not mix: the file has one of the contents, never a mix."""
    manager = manager_of(tmp_path)
    saving.prepare(manager)
    (tmp_path / "notes.txt").write_text("")
    contents = [letter * length for letter, length in zip("abc", (300_000, 20, 100_000), strict=True)]
    models = [{"type": "file", "format": "text", "content": content} for content in contents]
    for _ in range(5):
        await asyncio.gather(*(manager.save(model, "notes.txt") for model in models))
        assert (tmp_path / "notes.txt").read_text() in contents
