# SPDX-License-Identifier: GPL-3.0-or-later
"""If a file cannot be written for a while, users are told once, and everything is saved as soon as that is possible."""

import asyncio
import fcntl
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_server import PATIENCE, LocalServer
from open_files import copies, told, until

pytestmark = pytest.mark.anyio


async def test_a_document_that_is_too_large_to_save_is_saved_when_there_is_room(server: LocalServer) -> None:
    """A document that exceeds the process's limit for file sizes, which stands for a full disk or a quota, is saved once there is room."""
    alice = await server.open("notes.txt")
    await alice.save(PATIENCE)
    assert server._process is not None
    async with told(server) as notices:
        # The history's journal exceeds the limit, too, so there is also a notice about the history.
        before = resource.prlimit(server._process.pid, resource.RLIMIT_FSIZE, (300_000, -1))
        try:
            alice.insert(0, "x" * 301_000)
            await until(lambda: any("cannot be saved" in notice["message"] for notice in notices))
            alice.insert(0, "<more>")
            assert await alice.save(PATIENCE) == "failed"
            assert len([notice for notice in notices if "cannot be saved" in notice["message"]]) == 1
            assert server.read("notes.txt") == "one\ntwo\n"
            assert sorted(path.name for path in server.files.iterdir()) == ["notes.txt", "work.ipynb"]
        finally:
            resource.prlimit(server._process.pid, resource.RLIMIT_FSIZE, before)
    await server.until_file("notes.txt", "<more>")


async def test_a_file_of_a_user_that_is_named_like_a_temporary_one_stays(tmp_path: Path) -> None:
    """A contents manager that rewrites files in place makes no temporary files, so none is deleted when a save fails."""
    server = LocalServer(tmp_path, "--FileContentsManager.use_atomic_writing=False")
    server.write("notes.txt", "one\n")
    server.write(".~notes.txt", "of a user")
    server.start()
    try:
        alice = await server.open("notes.txt")
        server.limit(resource.RLIMIT_FSIZE, 300_000)
        async with told(server) as notices:
            alice.insert(0, "x" * 301_000)
            await until(lambda: any("cannot be saved" in notice["message"] for notice in notices))
        assert server.read("notes.txt") == "one\n" and server.read(".~notes.txt") == "of a user"
    finally:
        server.kill()


@pytest.fixture
def of_a_user(tmp_path: Path) -> Iterator[LocalServer]:
    """Yield a server that file modes apply to, as for every account but root."""
    server = LocalServer(tmp_path)
    server.write("notes.txt", "one\n")
    if os.geteuid() == 0:
        server.runner = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    server.start()
    yield server
    server.kill()


async def test_a_file_that_may_not_be_written_is_saved_when_it_may_be(of_a_user: LocalServer) -> None:
    server, path = of_a_user, of_a_user.files / "notes.txt"
    alice = await server.open("notes.txt")
    path.chmod(0o444)
    async with told(server) as notices:
        alice.insert(0, "<typed>")
        await until(lambda: notices)
        assert await alice.save(PATIENCE) == "failed"
        assert "cannot be saved" in notices[0]["message"] and len(notices) == 1
    assert path.read_text() == "one\n"
    path.chmod(0o640)
    await server.until_file("notes.txt", "<typed>one\n")
    # In a directory where no file can be created, the file is written in place.
    server.files.chmod(0o555)
    alice.insert(0, "<more>")
    await server.until_file("notes.txt", "<more><typed>one\n")
    server.files.chmod(0o755)
    assert path.stat().st_mode & 0o777 == 0o640


async def test_a_file_in_a_folder_that_may_not_be_entered_is_not_taken_for_deleted(
    of_a_user: LocalServer,
) -> None:
    server, folder = of_a_user, of_a_user.files / "closed"
    folder.mkdir()
    server.write("closed/notes.txt", "one\n")
    alice = await server.open("closed/notes.txt")
    async with told(server) as notices:
        folder.chmod(0)
        await asyncio.sleep(3)
        assert not notices
        alice.insert(0, "<typed>")
        await until(lambda: notices)
        folder.chmod(0o755)
        await server.until_file("closed/notes.txt", "<typed>one\n")
    assert "cannot be saved" in notices[0]["message"] and len(notices) == 1


async def test_a_copy_that_cannot_be_beside_its_file_is_in_the_top_folder(of_a_user: LocalServer) -> None:
    server, folder = of_a_user, of_a_user.files / "closed"
    folder.mkdir()
    server.write("closed/notes.txt", "one\n")
    folder.chmod(0o555)
    alice = await server.open("closed/notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("closed/notes.txt", "<typed>one\n")
    async with told(server) as notices:
        server.write("closed/notes.txt", "one\n")
        await until(lambda: notices)
    (copy,) = copies(server)
    assert server.read(copy) == "<typed>one\n"
    assert f"is in /{copy}." in notices[0]["message"]


async def test_a_lock_that_another_program_has_is_waited_for(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    with (server.files / "notes.txt").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        alice.insert(0, "<typed>")
        await asyncio.sleep(2)
        assert "<typed>" not in server.read("notes.txt")
    await server.until_file("notes.txt", "<typed>")
