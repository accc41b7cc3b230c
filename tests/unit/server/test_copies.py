# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies that one or several servers write at the same time do not replace each other."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.contents.filemanager import AsyncFileContentsManager
from jupyter_server.services.contents.manager import AsyncContentsManager

from jupyterhub_collab.server import copies

pytestmark = pytest.mark.anyio

WRITE = """
import asyncio, sys
from jupyter_server.services.contents.filemanager import AsyncFileContentsManager
from jupyterhub_collab.server import copies

manager = AsyncFileContentsManager(root_dir=sys.argv[1])
sys.stdin.readline()
for number in range(20):
    model = copies.model_of(f"{sys.argv[2]}-{number}".encode())
    asyncio.run(copies.write_new(manager, "notes.txt", model))
"""


class Slow(AsyncFileContentsManager):
    """A disk on which each write takes a moment."""

    async def save(self, model: dict[str, Any], path: str = "") -> Any:
        await asyncio.sleep(0.05)
        return await super().save(model, path)  # type: ignore[no-untyped-call]


class Full(AsyncFileContentsManager):
    """A full disk."""

    async def save(self, model: dict[str, Any], path: str = "") -> Any:
        raise OSError(28, "No space left on device")


class Elsewhere(AsyncContentsManager):
    """A contents manager with a store of its own, like those for object stores."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, str] = {}

    async def file_exists(self, path: str = "") -> bool:
        return path in self.files

    async def save(self, model: dict[str, Any], path: str = "") -> Any:
        await asyncio.sleep(0.05)
        self.files[path] = model["content"]


def texts(directory: Path) -> list[str]:
    return sorted(path.read_text() for path in directory.glob("notes.before-*.txt"))


async def test_copies_of_one_moment_are_all_there(tmp_path: Path) -> None:
    manager, wanted = Slow(root_dir=str(tmp_path)), [f"text {number}" for number in range(5)]
    paths = await asyncio.gather(
        *(copies.write_new(manager, "notes.txt", copies.model_of(text.encode())) for text in wanted)
    )
    assert len(set(paths)) == len(wanted) and texts(tmp_path) == wanted
    assert [(tmp_path / path).read_text() for path in paths] == wanted, "a copy is not at the returned path"


async def test_copies_of_one_moment_are_all_there_in_another_store() -> None:
    manager, wanted = Elsewhere(), [f"text {number}" for number in range(5)]
    models = [copies.model_of(text.encode()) for text in wanted]
    await asyncio.gather(*(copies.write_new(manager, "notes.txt", model) for model in models))
    assert sorted(manager.files.values()) == wanted


def test_copies_of_several_servers_are_all_there(tmp_path: Path) -> None:
    """All copies are kept if several servers share a directory, such as a shared account's, and see a change at the same moment."""
    servers = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path), name], stdin=subprocess.PIPE, text=True)
        for name in "abcd"
    ]
    for server in servers:
        assert server.stdin is not None
        server.stdin.write("\n")
        server.stdin.flush()
    assert [server.wait() for server in servers] == [0, 0, 0, 0]
    assert texts(tmp_path) == sorted(f"{name}-{number}" for name in "abcd" for number in range(20))


async def test_a_copy_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        await copies.write_new(Full(root_dir=str(tmp_path)), "notes.txt", copies.model_of(b"text"))
    assert not os.listdir(tmp_path)
    manager = AsyncFileContentsManager(root_dir=str(tmp_path))
    await copies.write_new(manager, "notes.txt", copies.model_of(b"text"))
    assert texts(tmp_path) == ["text"]


@pytest.mark.parametrize(
    ("mode", "allowed"), [(0o600, 0o600), (0o640, 0o640), (0o755, 0o644), (0o444, 0o644), (None, 0o600)]
)
async def test_copy_is_read_by_nobody_who_could_not_read_the_file(
    tmp_path: Path, mode: int | None, allowed: int
) -> None:
    """A local account reads what was removed from a private file, in a home directory that everyone can enter."""
    if mode is not None:
        (tmp_path / "notes.txt").write_text("text")
        (tmp_path / "notes.txt").chmod(mode)
    manager = AsyncFileContentsManager(root_dir=str(tmp_path))
    copy = await copies.write_new(manager, "notes.txt", copies.model_of(b"text"))
    assert (tmp_path / copy).stat().st_mode & 0o777 == allowed
