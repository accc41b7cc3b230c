# SPDX-License-Identifier: GPL-3.0-or-later
"""If an open file is deleted, moved or replaced, the document follows it and users are told."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyterhub_collab.server.file_identity import NEW
from local_server import PATIENCE, LocalServer, come_back, server_with
from open_files import both_see, change, copies, notebook, of_document, told, until, until_text, words
from tiers import some_long

pytestmark = pytest.mark.anyio


def delete_by_browser(server: LocalServer, name: str) -> None:
    change(server, "DELETE", name)


def delete_with_rm(server: LocalServer, name: str) -> None:
    path = server.files / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("delete", "what"),
    [
        (delete_by_browser, "folder/notes.txt"),
        (delete_with_rm, "folder"),
        pytest.param(delete_by_browser, "folder", marks=pytest.mark.long),
        pytest.param(delete_with_rm, "folder/notes.txt", marks=pytest.mark.long),
    ],
)
async def test_people_are_told_that_their_file_is_gone_and_it_may_come_back(
    server: LocalServer, delete: Callable[[LocalServer, str], None], what: str
) -> None:
    (server.files / "folder").mkdir()
    server.write("folder/notes.txt", "one\ntwo\n")
    alice = await server.open("folder/notes.txt")
    alice.insert(0, "<saved>")
    await server.until_file("folder/notes.txt", "<saved>")
    async with told(server) as notices:
        delete(server, what)
        await until(lambda: notices)
        assert notices[0]["level"] == "warning" and "was deleted" in notices[0]["message"]
        alice.insert(0, "<typed>")
        assert await alice.save(PATIENCE) == "failed"
        await asyncio.sleep(1.5)
        assert len(notices) == 1, "people were notified more than once"
        assert not (server.files / "folder/notes.txt").exists() and not copies(server)
        # A file that exists again gets the text, and newcomers see both.
        (server.files / "folder").mkdir(exist_ok=True)
        server.write("folder/notes.txt", "a new one\n")
        await server.until_file("folder/notes.txt", "<typed>", "a new one\n")
        bob = await server.open("folder/notes.txt", "bob")
        await both_see(alice, bob, "<typed>", "a new one")


async def test_what_was_told_of_a_closed_document_is_not_told_of_a_later_one(tmp_path: Path) -> None:
    server = LocalServer(tmp_path, "--YDocExtension.document_cleanup_delay=0.5")
    server.write("notes.txt", "one\n")
    server.start()
    try:
        async with told(server) as notices:
            alice = await server.open("notes.txt")
            (server.files / "notes.txt").unlink()
            await until(lambda: notices)
            await alice.leave()
            await until(lambda: "Deleting file notes.txt" in server.log)
        server.write("notes.txt", "two\n")
        async with told(server) as notices:
            await server.open("notes.txt", "bob")
            await asyncio.sleep(2)
        assert not notices
    finally:
        server.kill()


async def test_a_notice_moves_with_its_file(server: LocalServer) -> None:
    alice = await server.open("work.ipynb")
    whole = server.read("work.ipynb")
    server.write("work.ipynb", "<<<<<<< HEAD\n" + whole)
    async with told(server) as notices:
        alice.insert(0, "<typed>", 0)
        await until(lambda: notices)
        os.rename(server.files / "work.ipynb", server.files / "other.ipynb")
        server.write("other.ipynb", whole)
        await server.until_file("other.ipynb", "<typed>")
        assert len(notices) == 1
    server.write("work.ipynb", whole)
    async with told(server) as notices:
        bob = await server.open("work.ipynb", "bob")
        await until_text(bob, "x = 0\nx = 1")
        await asyncio.sleep(2)
    assert not notices


async def test_what_was_typed_after_deleting_is_saved_when_the_file_is_undeleted(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    shutil.move(server.files / "notes.txt", server.state / "notes.txt")
    async with told(server) as notices:
        alice.insert(0, "<typed>")
        await until(lambda: notices)
    shutil.move(server.state / "notes.txt", server.files / "notes.txt")
    await server.until_file("notes.txt", "<typed>one\ntwo\n")


DELETES = """
import os

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


def delete(os_path, **more):
    if os.path.exists("delete now"):
        os.unlink("delete now")
        os.unlink(os_path)


class Manager(AsyncLargeFileManager):
    async def _save_file(self, os_path, content, format):
        await super()._save_file(os_path, content, format)
        delete(os_path)
"""


@pytest.mark.parametrize(
    "option",
    [
        "--FileContentsManager.post_save_hook=of_test.delete",
        "--ServerApp.contents_manager_class=of_test.Manager",
    ],
    ids=["saved", "written"],
)
async def test_a_file_that_is_deleted_in_the_moment_after_saving_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """Text typed after a file was deleted right after a save goes into the file that comes next."""
    with server_with(tmp_path, monkeypatch, DELETES, option) as server:
        alice = await server.open("notes.txt")
        async with told(server) as notices:
            server.write("delete now", "")
            alice.insert(0, "<saved>")
            await until(lambda: not (server.files / "notes.txt").exists())
            await until(lambda: notices)
            assert "was deleted" in notices[0]["message"]
        alice.insert(0, "<typed>")
        server.write("notes.txt", "a new one\n")
        await server.until_file("notes.txt", "<typed>", "a new one\n")


MOVES_AFTER = """
import os

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class Manager(AsyncLargeFileManager):
    async def _save_file(self, os_path, content, format):
        await super()._save_file(os_path, content, format)
        if os.path.exists("move now"):
            os.unlink("move now")
            # Only this server can follow a link.
            await self.rename("notes.txt", "moved.txt") if os.path.islink(os_path) else os.rename(os_path, "moved.txt")
"""


@pytest.mark.parametrize("is_link", [False, True], ids=["file", "link"])
async def test_a_file_that_is_moved_in_the_moment_after_saving_was_changed_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_link: bool
) -> None:
    """What the server itself has just written is not taken for a change of another program, even if people go on typing."""
    with server_with(
        tmp_path, monkeypatch, MOVES_AFTER, "--ServerApp.contents_manager_class=of_test.Manager"
    ) as server:
        if is_link:
            shutil.move(server.files / "notes.txt", tmp_path / "outside.txt")
            (server.files / "notes.txt").symlink_to(tmp_path / "outside.txt")
        alice = await server.open("notes.txt")
        async with told(server) as notices:
            server.write("move now", "")
            alice.insert(0, "<saved>")
            await until((server.files / "moved.txt").exists)
            alice.insert(0, "<typed>")
            await server.until_file("moved.txt", "<typed>")
        assert not notices and "Another program changed" not in server.log
        assert server.read("moved.txt").startswith("<typed><saved>one\n") and not copies(server)


async def test_a_document_can_be_saved_under_another_name(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    change(server, "DELETE", "notes.txt")
    change(server, "PUT", "other.txt", {"type": "file", "format": "text", "content": alice.text})
    again = await server.open("other.txt")
    again.insert(0, "<more>")
    await server.until_file("other.txt", "<more><typed>one\ntwo\n")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
async def test_what_takes_the_place_of_a_file_is_not_taken_for_it(
    server: LocalServer, make: Callable[[Path], None]
) -> None:
    alice = await server.open("notes.txt")
    async with told(server) as notices:
        (server.files / "notes.txt").unlink()
        make(server.files / "notes.txt")
        await until(lambda: notices)
        assert "was deleted" in notices[0]["message"]
    alice.insert(0, "<typed>")
    assert await alice.save(PATIENCE) == "failed"
    bob = await server.open("work.ipynb", "bob")
    bob.insert(0, "<still at work>", cell=0)
    await server.until_file("work.ipynb", "<still at work>")


async def test_a_file_that_is_moved_into_a_folder_of_its_name(server: LocalServer) -> None:
    """The document follows a file that moves into a folder of its own name, as when a module becomes a package.

    Its old path is a folder then.
    """
    alice = await server.open("notes.txt")
    async with told(server) as notices:
        os.rename(server.files / "notes.txt", server.files / "aside")
        os.mkdir(server.files / "notes.txt")
        os.rename(server.files / "aside", server.files / "notes.txt/notes.txt")
        bob = await server.open("notes.txt/notes.txt", "bob")
        assert of_document(alice) == of_document(bob)
        alice.insert(0, "<typed>")
        await server.until_file("notes.txt/notes.txt", "<typed>one")
        assert not notices


def move_by_browser(server: LocalServer, old: str, new: str) -> None:
    change(server, "PATCH", old, {"path": server.path(new)})


def move_with_mv(server: LocalServer, old: str, new: str) -> None:
    os.rename(server.files / old, server.files / new)


@pytest.mark.parametrize(
    ("move", "old", "new", "place"),
    [
        (move_by_browser, "a[b]", "c", "c/sub/notes.txt"),
        (move_with_mv, "a[b]/sub/notes.txt", "moved.txt", "moved.txt"),
        pytest.param(move_with_mv, "a[b]", "c", "c/sub/notes.txt", marks=pytest.mark.long),
        pytest.param(move_by_browser, "a[b]/sub/notes.txt", "moved.txt", "moved.txt", marks=pytest.mark.long),
    ],
)
async def test_what_is_moved_is_saved_at_its_new_place(
    server: LocalServer, move: Callable[[LocalServer, str, str], None], old: str, new: str, place: str
) -> None:
    (server.files / "a[b]" / "sub").mkdir(parents=True)
    server.write("a[b]/sub/notes.txt", "one\ntwo\n")
    alice = await server.open("a[b]/sub/notes.txt")
    alice.insert(0, "<typed>")
    async with told(server) as notices:
        move(server, old, new)
        bob = await server.open(place, "bob")
        bob.insert(0, "<bob>")
        await both_see(alice, bob, "<typed>", "<bob>")
        await server.until_file(place, "<typed>", "<bob>")
        alice.insert(0, "<after>")
        await server.until_file(place, "<after>")
        assert of_document(alice) == of_document(bob) and not notices
    assert not (server.files / "a[b]/sub/notes.txt").exists()


@pytest.mark.parametrize("is_changed", [pytest.param(False, marks=pytest.mark.long), True])
async def test_a_file_that_was_moved_while_the_server_was_away(server: LocalServer, is_changed: bool) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    server.end()
    os.rename(server.files / "notes.txt", server.files / "moved.txt")
    if is_changed:
        server.write("moved.txt", server.read("moved.txt") + "three\n")
    server.start()
    bob = await server.open("moved.txt", "bob")
    await come_back(alice)
    alice.insert(0, "<alice>")
    await both_see(alice, bob, "<alice>", "<typed>", *(["three"] if is_changed else []))
    await server.until_file("moved.txt", "<alice>")


@pytest.mark.parametrize("place", ["moved.txt", "new/deep/notes.txt"])
async def test_tabs_find_a_file_that_was_moved_while_the_server_was_away(
    server: LocalServer, place: str
) -> None:
    """Nobody opens it at its new place: a tab knows only the document. It is found anywhere if it lacks what was typed."""
    alice, bob = await server.open("notes.txt"), await server.open("notes.txt", "bob")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    for room in (alice, bob):
        room.save_by_hand_only()
    alice.insert(0, "<unsaved>")
    await both_see(alice, bob, "<unsaved>")
    server.kill()
    assert "<unsaved>" not in server.read("notes.txt")
    target = server.files / place
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(server.files / "notes.txt", target)
    server.start()
    await come_back(alice, bob)
    alice.save_by_hand_only(False)
    alice.insert(0, "<after>")
    await server.until_file(place, "<after>", "<unsaved>", "<typed>")
    assert not (server.files / "notes.txt").exists()


async def test_tabs_find_a_file_whose_folder_was_moved_back_while_the_server_was_away(
    server: LocalServer,
) -> None:
    """A program has replaced the file since, so it has another inode."""
    (server.files / "folder").mkdir()
    server.write("folder/notes.txt", "one\n")
    alice, bob = await server.open("folder/notes.txt"), await server.open("folder/notes.txt", "bob")
    os.rename(server.files / "folder", server.files / "away")
    alice.insert(0, "<typed>")
    await server.until_file("away/notes.txt", "<typed>")
    server.kill()
    os.rename(server.files / "away", server.files / "folder")
    server.write("new.txt", server.read("folder/notes.txt") + "two\n")
    os.replace(server.files / "new.txt", server.files / "folder/notes.txt")
    server.start()
    await come_back(alice, bob)
    alice.insert(0, "<after>")
    await both_see(alice, bob, "<after>", "<typed>", "two")
    await server.until_file("folder/notes.txt", "<after>", "<typed>", "two")


@pytest.mark.parametrize(
    "becomes",
    some_long(
        ["is replaced, and renamed", "is deleted", "was deleted long before"],
        short=["is replaced, and renamed", "was deleted long before"],
    ),
)
async def test_a_file_that_comes_to_the_place_of_another_while_the_server_is_away(
    server: LocalServer, becomes: str
) -> None:
    server.write("other.txt", "other\n")
    other = await server.open("other.txt", "carol")
    await other.vanish()
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    if becomes == "was deleted long before":
        (server.files / "other.txt").unlink()
    server.end()
    if becomes == "is replaced, and renamed":
        server.write("new.txt", "new\n")
        os.replace(server.files / "new.txt", server.files / "other.txt")
        os.rename(server.files / "other.txt", server.files / "old.txt")
    elif becomes == "is deleted":
        (server.files / "other.txt").unlink()
    os.rename(server.files / "notes.txt", server.files / "other.txt")
    server.start()
    bob = await server.open("other.txt", "bob")
    await come_back(alice)
    bob.insert(0, "<bob>")
    await both_see(alice, bob, "<bob>", "<typed>")
    assert of_document(alice) == of_document(bob) and "other" not in bob.text
    assert not copies(server)


async def test_a_file_that_was_replaced_while_the_server_was_away_is_known_when_it_is_moved(
    server: LocalServer,
) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")
    server.end()
    server.write("new.txt", server.read("notes.txt") + "<replaced>\n")
    os.replace(server.files / "new.txt", server.files / "notes.txt")
    server.start()
    os.rename(server.files / "notes.txt", server.files / "moved.txt")  # before anyone opens it again
    bob = await server.open("moved.txt", "bob")
    await come_back(alice)
    bob.insert(0, "<bob>")
    await both_see(alice, bob, "<bob>", "<typed>", "<replaced>")
    await server.until_file("moved.txt", "<bob>", "<replaced>")
    assert not (server.files / "notes.txt").exists()


async def test_a_new_file_that_has_the_number_of_one_that_is_gone_is_another(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    assert await alice.save(PATIENCE) == "success"
    server.end()
    before = server.files / "notes.txt"
    number = before.stat().st_ino
    before.unlink()
    for attempt in range(50):  # file systems reuse inode numbers, some of them at once
        server.write(f"new{attempt}.txt", "new\n")
        if (server.files / f"new{attempt}.txt").stat().st_ino == number:
            break
    else:
        pytest.skip("the file system does not give a number again soon")
    server.start()
    bob = await server.open(f"new{attempt}.txt", "bob")
    await alice.vanish()
    assert bob.text == "new\n"


MOVES = """
import os

def move(model, path, contents_manager, **more):
    if os.path.exists("move now"):
        os.unlink("move now")
        os.rename("notes.txt", "moved.txt")
"""


async def test_a_file_that_is_moved_in_the_moment_in_which_it_is_saved_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server_with(
        tmp_path, monkeypatch, MOVES, "--FileContentsManager.pre_save_hook=of_test.move"
    ) as server:
        alice = await server.open("notes.txt")
        server.write("move now", "")
        alice.insert(0, "<typed>")
        await until((server.files / "moved.txt").exists)
        await server.until_file("moved.txt", "<typed>one\n")
        alice.insert(0, "<more>")
        await server.until_file("moved.txt", "<more><typed>one\n")
        assert not (server.files / "notes.txt").exists() and not copies(server)


AS_IT_IS_OPENED = """
from pathlib import Path

from jupyter_server.services.contents import fileio

copy = fileio.copy2_safe


def move(path):
    path.rename(path.with_name("moved"))


def move_and_write(path):
    move(path)
    write(path)


def replace(path):
    write(new := path.with_name("new"))
    new.replace(path)


def write(path):
    path.write_bytes(path.with_name("theirs").read_bytes())


def copy2_safe(source, target, log=None):
    copy(source, target, log)
    path = Path(source)
    if (now := path.with_name("now")).exists():
        how = globals()[now.read_text()]
        now.unlink()
        how(path)


fileio.copy2_safe = copy2_safe
"""
AT_ONCE = """
from jupyterhub_collab.patches.server import saving

save = saving._write


def save_and_write(manager, os_path, data):
    path = Path(os_path)
    before = path.read_bytes()
    save(manager, os_path, data)
    if (now := path.with_name("write now")).exists():
        now.unlink()
        path.write_bytes(before + path.with_name("more").read_bytes())


saving._write = save_and_write
"""


@pytest.fixture(scope="module")
def hooked_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    place = tmp_path_factory.mktemp("server")
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        server_with(place, monkeypatch, AS_IT_IS_OPENED + AT_ONCE) as server,
    ):
        yield server


@pytest.fixture
def hooked(hooked_server: LocalServer, request: pytest.FixtureRequest) -> LocalServer:
    """Return a server on which another program acts as a file is saved, with a text and a notebook in the test's own folder."""
    hooked_server.begin(request.node.name)
    hooked_server.write("notes.txt", "one\n")
    hooked_server.write("work.ipynb", json.dumps(notebook("one"), indent=1) + "\n")
    return hooked_server


@pytest.mark.parametrize("name", some_long(["notes.txt", "work.ipynb"], short=["notes.txt"]))
@pytest.mark.parametrize(
    "how", some_long(["move", "move_and_write", "replace", "write"], short=["move_and_write", "write"])
)
async def test_a_file_that_changes_as_it_is_opened_for_saving_is_followed(
    hooked: LocalServer, name: str, how: str
) -> None:
    """A save never writes into a file that it has not read, and creates none, whatever happens right before it opens its file."""
    server, before = hooked, hooked.read(name)
    theirs = before.replace("one", "one of theirs")
    server.write("theirs", theirs)
    alice = await server.open(name)
    server.write("now", how)
    alice.insert(0, "<typed>", 0 if name == "work.ipynb" else None)
    await until(lambda: not (server.files / "now").exists())
    at, text = ("moved", before) if how == "move" else (name, theirs)
    await until(lambda: server.read(at) == text.replace("one", "<typed>one"))
    if how.startswith("move"):
        assert (server.files / name).exists() == (how == "move_and_write")
    if how == "move_and_write":
        assert server.read("moved") == before
    await until(lambda: not list(server.files.glob(".~*")))
    assert not copies(server)


RACE = """
from pathlib import Path

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

now = Path("write now")


def hook(**_arguments):
    pass


class Manager(AsyncLargeFileManager):
    async def _save_file(self, os_path, content, format):
        await super()._save_file(os_path, content, format)
        if now.exists():
            now.unlink()
            Path(os_path).write_text(content + "from git\\n")


class Derived(Manager):
    async def get(self, path, *arguments, **options):
        return await super().get(path, *arguments, **options)
"""


@pytest.mark.parametrize(
    "options",
    [
        ["--ServerApp.contents_manager_class=of_test.Derived"],
        [
            "--ServerApp.contents_manager_class=of_test.Manager",
            "--FileContentsManager.pre_save_hook=of_test.hook",
        ],
        [
            "--ServerApp.contents_manager_class=of_test.Manager",
            "--FileContentsManager.post_save_hook=of_test.hook",
        ],
    ],
    ids=["derived", "pre_save_hook", "post_save_hook"],
)
async def test_what_is_written_in_the_moment_after_saving_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """A write right after the server's own write is followed, even on a server whose hooks or contents manager may change the content."""
    with server_with(tmp_path, monkeypatch, RACE, *options) as server:
        alice = await server.open("notes.txt")
        server.write("write now", "")
        alice.insert(0, "<typed>")
        await alice.wait_until(lambda room: "from git" in room.text, PATIENCE)
        alice.insert(0, "<more>")
        await server.until_file("notes.txt", "<more><typed>one\nfrom git\n")
        assert not copies(server)


@pytest.mark.parametrize("name", some_long(["notes.txt", "work.ipynb"], short=["work.ipynb"]))
@pytest.mark.parametrize("more", ["", "\n"], ids=["previous content", "changed content"])
async def test_what_is_written_before_saving_has_ended_is_followed(
    hooked: LocalServer, name: str, more: str
) -> None:
    """A write before the save returns is followed.

    The contents manager returns a while after its own write, with the file's latest time.
    """
    hooked.write("more", more)
    before = hooked.read(name)
    alice = await hooked.open(name)
    cell = 0 if name == "work.ipynb" else None
    hooked.write("write now", "")
    alice.insert(0, "typed ", cell)
    await until(lambda: not (hooked.files / "write now").exists())
    await until(lambda: hooked.read(name) == before + more)
    await alice.wait_until(lambda room: "typed" not in words(room), PATIENCE)
    alice.insert(0, "again ", cell)
    await hooked.until_file(name, "again one")


WRITES_BACK = """
import os
import subprocess
import time


def write_back(os_path, **more):
    if os.path.exists("write now"):
        os.unlink("write now")
        subprocess.Popen(["sh", "-c", f"exec > {os_path}; touch begun; sleep 1; echo one"])
        while not os.path.exists("begun"):
            time.sleep(0.01)
"""


async def test_a_program_that_begins_in_the_moment_after_saving_and_writes_what_was_there_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that begins right after a save, and writes what the file held before, is followed. It is not mistaken for a failed save."""
    option = "--FileContentsManager.post_save_hook=of_test.write_back"
    with server_with(tmp_path, monkeypatch, WRITES_BACK, option) as server:
        alice = await server.open("notes.txt")
        server.write("write now", "")
        alice.insert(0, "<typed>")
        await until((server.files / "begun").exists)
        await until_text(alice, "one\n")
        await until(lambda: copies(server))
        assert server.read("notes.txt") == "one\n" and len(copies(server)) == 1


async def test_a_file_that_is_moved_just_before_the_server_stops(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    alice.insert(0, "<typed>")
    assert await alice.save(PATIENCE) == "success"
    os.rename(server.files / "notes.txt", server.files / "moved.txt")
    server.end()
    server.start()
    await come_back(alice)
    alice.insert(0, "<more>")
    await server.until_file("moved.txt", "<more>", "<typed>")


async def test_one_file_is_moved_onto_another(server: LocalServer) -> None:
    server.write("other.txt", "other\n")
    alice, bob = await server.open("notes.txt"), await server.open("other.txt", "bob")
    alice.insert(0, "<alice>")
    bob.insert(0, "<bob>")
    move_with_mv(server, "notes.txt", "other.txt")
    await server.until_file("other.txt", "<alice>", "<bob>")
    alice.insert(0, "<after>")
    await server.until_file("other.txt", "<alice>", "<bob>", "<after>")
    assert not (server.files / "notes.txt").exists()


async def test_an_editor_that_moves_the_file_away_to_save_it(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    async with told(server) as notices:
        for number in range(3):
            os.rename(server.files / "notes.txt", server.files / "notes.txt~")
            await asyncio.sleep(0.2)
            server.write("notes.txt", f"one\ntwo\n{number}\n")
            await until_text(alice, f"one\ntwo\n{number}\n")
        assert not notices
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt", "<typed>")


def save_aside(path: Path, text: str) -> None:
    path.rename(backup := path.with_name(f"{path.name}~"))
    path.write_text(text)
    backup.unlink()


def save_and_keep_aside(path: Path, text: str) -> None:
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(text)


def replace_file(path: Path, text: str) -> None:
    (new := path.with_name("new")).write_text(text)
    new.replace(path)


def delete_and_write(path: Path, text: str) -> None:
    path.unlink()
    time.sleep(0.1)
    path.write_text(text)


@pytest.mark.parametrize(
    "save",
    [
        save_aside,
        pytest.param(save_and_keep_aside, marks=pytest.mark.long),
        pytest.param(replace_file, marks=pytest.mark.long),
        delete_and_write,
    ],
)
async def test_an_editor_saves_a_file_that_was_moved_this_moment(
    server: LocalServer, save: Callable[[Path, str], None]
) -> None:
    """The document follows a file that an editor saves right after it was moved.

    Only the descriptor of the old file still knows the new path.
    """
    alice = await server.open("notes.txt")
    alice.insert(0, "<saved>")
    await server.until_file("notes.txt", "<saved>")
    async with told(server) as notices:
        (server.files / "notes.txt").rename(server.files / "moved.txt")
        await asyncio.to_thread(save, server.files / "moved.txt", "<saved>one\ntwo\nthree\n")
        await until_text(alice, "<saved>one\ntwo\nthree\n")
        alice.insert(0, "<typed>")
        await server.until_file("moved.txt", "<typed><saved>one\ntwo\nthree\n")
        assert not notices, [notice["message"] for notice in notices]
        assert not copies(server)


GOES = """
import os

from jupyterhub_collab.server import file_on_disk


def move():
    if os.path.exists("move now"):
        os.unlink("move now")
        os.rename("notes.txt", "moved.txt")


"""
GOES_AS_IT_IS_LOOKED_AT = f"""{GOES}
theirs = file_on_disk._read


def read(*arguments):
    move()
    return theirs(*arguments)


file_on_disk._read = read
"""
GOES_AS_IT_IS_MERGED = f"""{GOES}
theirs = file_on_disk.File.find


async def find(*arguments, **options):
    move()
    return await theirs(*arguments, **options)


file_on_disk.File.find = find
"""


@pytest.mark.parametrize("goes", [GOES_AS_IT_IS_LOOKED_AT, GOES_AS_IT_IS_MERGED])
async def test_a_file_that_is_moved_as_it_is_read_is_not_taken_for_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes: str
) -> None:
    with server_with(tmp_path, monkeypatch, goes) as server:
        alice = await server.open("notes.txt")
        async with told(server) as notices:
            server.write("move now", "")
            server.write("notes.txt", "one\n2\n")
            await until_text(alice, "one\n2\n")
            assert (server.files / "moved.txt").exists()
            await asyncio.sleep(3)  # the server checks every second
            alice.insert(0, "<typed>")
            await server.until_file("moved.txt", "<typed>one\n2\n")
        assert not notices, [notice["message"] for notice in notices]


async def test_a_file_may_be_moved_to_the_name_of_a_backup(server: LocalServer) -> None:
    alice = await server.open("notes.txt")
    (server.files / "notes.txt").rename(server.files / "notes.txt~")
    alice.insert(0, "<typed>")
    await server.until_file("notes.txt~", "<typed>one\n")


async def test_a_file_that_is_moved_to_the_name_of_another_one_s_backup_is_not_that_other_one(
    server: LocalServer,
) -> None:
    server.write("other.txt", "others\n")
    await asyncio.sleep(NEW)
    alice = await server.open("notes.txt")
    (server.files / "notes.txt").rename(server.files / "other.txt~")
    alice.insert(0, "<typed>")
    await server.until_file("other.txt~", "<typed>one\n")
    assert server.read("other.txt") == "others\n"
