# SPDX-License-Identifier: GPL-3.0-or-later
"""Five programs that change files independently, as real programs do. They do not know about the server or each other.

`git`        commits, checks out older versions, stashes and pops, switches to another branch and back
`formatter`  reads a whole file, and writes it a moment later, sometimes through the server's API
`editor`     writes a new file, and replaces the old one with it
`job`        appends lines in place
`mover`      renames files and folders, deletes and recreates files, replaces them with links
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import subprocess
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

import plain_http
from local_server import LocalServer

from .events import Item, Words
from .files import words_of

PAUSE = 0.6  # average seconds between two actions of a program
# Seconds between reading and writing.
THINKING = (0.0, 0.02, 0.2, 1.5)
NOTED = 3.0  # seconds until a running server has seen a new file
WATCHED = 1.0  # seconds that a moved file must stay in place before the next action on it


class Programs:
    """The five programs. `is_up` is set while the server is running."""

    down_since: float = 0.0

    def __init__(
        self, server: LocalServer, items: list[Item], words: Words, dice: random.Random, is_up: asyncio.Event
    ) -> None:
        self._server, self._items, self._words, self._dice, self._is_up = server, items, words, dice, is_up
        self._root = items[0].root
        self.number: dict[str, int] = {}
        self._branch = "main"

    def works(self) -> list[Callable[[], Awaitable[None]]]:
        return [self.git, self.formatter, self.editor, self.job, self.mover]

    async def work(self, program: Callable[[], Awaitable[None]], until: Callable[[], bool]) -> None:
        """Repeat a program's actions until `until()` is true. An action that has started is completed."""
        name = program.__name__
        while not until():
            await asyncio.sleep(self._dice.uniform(0.1, 1.9) * PAUSE)
            if not until():
                await program()
                self.number[name] = self.number.get(name, 0) + 1

    # Formatter, editor, job

    async def _rewrite(self, item: Item, who: str, write: Callable[[Item, bytes], Awaitable[str]]) -> None:
        """Read a file, wait, and write it with changes."""
        async with item.writing():
            if (read := _read_whole(item)) is None:
                return
            thinks = self._dice.choice(THINKING)
            await asyncio.sleep(thinks)
            new = self._changed(item, read, who[0])
            before = _read(item.path)
            try:
                how = await write(item, new)
            except (httpx.HTTPError, OSError) as error:
                item.note(who, f"could not write: {error!r}")
                return
            words = words_of(new)
            item.note(who, f"{how} (read {thinks} s before)", words_of(before), words)
            item.writes.append((words[-1] if words else "", frozenset(words)))

    def _changed(self, item: Item, data: bytes, letter: str) -> bytes:
        kind, dice = item.kind, self._dice
        if dice.random() < 0.3:
            data = kind.formatted(data)
        if dice.random() < 0.1 and (there := words_of(data)):
            data = kind.without(data, dice.choice(there))
        return kind.with_word(data, self._words.new(letter), dice)

    async def formatter(self) -> None:
        item = self._dice.choice(self._items)

        async def write(item: Item, data: bytes) -> str:
            if self._dice.random() < 0.2 and self._is_up.is_set() and not item.kind.is_notebook:
                model = {"type": "file", "format": "base64", "content": b64encode(data).decode()}
                await self._api("PUT", item.place, model)
                return "saves through the API"
            if self._dice.random() < 0.3:
                with item.path.open("r+b") as file:
                    await _lock(file)
                    file.truncate(0)
                    file.write(data)
                return "writes with a lock"
            item.path.write_bytes(data)
            return "writes"

        await self._rewrite(item, "formatter", write)

    async def editor(self) -> None:
        item = self._dice.choice(self._items)

        async def write(item: Item, data: bytes) -> str:
            path = item.path
            if self._dice.random() < 0.3:
                backup = path.with_name(path.name + "~")
                os.rename(path, backup)
                await asyncio.sleep(self._dice.choice((0, 0.1, 0.3)))
                path.write_bytes(data)
                item.made_at = time.monotonic()
                backup.unlink()
                return "moves the file away and writes a new one"
            new = path.with_name(f".{path.name}.new")
            new.write_bytes(data)
            os.replace(new, path)
            item.made_at = time.monotonic()
            return "replaces the file"

        await self._rewrite(item, "editor", write)

    async def job(self) -> None:
        item = self._dice.choice(self._items)
        for _ in range(self._dice.randint(1, 4)):
            async with item.writing():
                if (data := _read_whole(item)) is None:
                    return
                word = self._words.new("j")
                added = item.kind.appended(data, word)
                with contextlib.suppress(FileNotFoundError), item.path.open("r+b") as file:
                    if self._dice.random() < 0.5:
                        await _lock(file)
                    data = file.read()
                    if item.kind.problems(data):
                        continue
                    if added is None:
                        data = item.kind.with_word(data, word, self._dice)
                        file.seek(0)
                        file.write(data)
                        file.truncate()
                    else:
                        file.write(added)
                    item.note("job", "appends", after=[word])
                    item.writes.append((word, frozenset([*words_of(data), word])))
            await asyncio.sleep(self._dice.uniform(0, 0.3))

    # Mover

    def _is_known(self, item: Item) -> bool:
        """Return whether the server has seen the current file.

        If a new file replaces the old one and is moved while the server is down, the server cannot recognize it as the file that people
        have open.
        """
        is_up = self._is_up.is_set()
        return item.made_at < (time.monotonic() if is_up else self.down_since) - NOTED

    async def mover(self) -> None:
        item = self._dice.choice(self._items)
        actions = [
            self._rename, self._rename_by_api, self._move_folder, self._delete, self._delete_by_api, self._link,
            self._hard_link, self._home, self._home,
        ]  # fmt: skip
        await self._dice.choice(actions)(item)

    async def _moved(self, *items: Item) -> None:
        """Wait until the server knows where the files are. Open each one, as people must after a move while the server was down."""
        for _ in range(2):
            await asyncio.sleep(WATCHED)
            if self._is_up.is_set():
                break
        await self._is_up.wait()
        for item in items:
            form = "notebook" if item.kind.is_notebook else "file"
            body = {"format": "json" if item.kind.is_notebook else "text", "type": form}
            path = "api/collaboration/session/" + quote(self._server.path(item.place), safe="")
            with contextlib.suppress(httpx.HTTPError):
                await asyncio.to_thread(self._server.ask, "PUT", path, body)

    async def _rename(self, item: Item) -> None:
        async with item.moving():
            folder = self._dice.choice(("a", "b"))
            await self._rename_to(item, f"{folder}/moved {item.kind.name}")

    async def _home(self, item: Item) -> None:
        async with item.moving():
            await self._rename_to(item, item.home)

    async def _rename_to(self, item: Item, place: str) -> None:
        if not self._is_known(item) or place == item.place or (item.root / place).exists():
            return
        os.rename(item.path, item.root / place)
        item.note("mover", f"renames {item.place} to {place}")
        item.place = place
        await self._moved(item)

    async def _rename_by_api(self, item: Item) -> None:
        async with item.moving():
            place = f"{item.place.partition('/')[0]}/named {item.kind.name}"
            if not self._is_up.is_set() or place == item.place or (item.root / place).exists():
                return
            if not self._is_known(item):
                return
            try:
                await self._api("PATCH", item.place, {"path": self._server.path(place)})
            except httpx.HTTPError as error:
                item.note("mover", f"could not rename through the API: {error!r}")
                if not (item.root / place).exists():
                    return
            item.note("mover", f"renames {item.place} to {place} through the API")
            item.place = place
            await self._moved(item)

    async def _move_folder(self, item: Item) -> None:
        folder = item.place.partition("/")[0]
        async with AsyncExitStack() as stack:
            for each in self._items:
                await stack.enter_async_context(each.moving())
            inside = [each for each in self._items if each.place.startswith(folder + "/")]
            if not all(self._is_known(each) for each in inside):
                return
            for old, new in ((folder, f"{folder}-away"), (f"{folder}-away", folder)):
                os.rename(self._root / old, self._root / new)
                for each in inside:
                    each.note("mover", f"renames the folder {old} to {new}")
                    each.place = new + each.place[len(old) :]
                await self._moved(*inside)

    async def _delete(self, item: Item) -> None:
        async with item.moving():
            await self._delete_and_make(item, item.path.unlink)

    async def _delete_by_api(self, item: Item) -> None:
        async with item.moving():
            if self._is_up.is_set():
                url = httpx.URL(f"http://{self._server._address}/api/contents/" + self._quoted(item.place))
                headers = {"Authorization": "token secret"}

                def delete() -> None:
                    plain_http.delete(url, headers=headers)

                await self._delete_and_make(item, delete)

    async def _delete_and_make(self, item: Item, delete: Callable[[], Any]) -> None:
        if (read := _read_whole(item)) is None:
            return
        new = self._changed(item, read, "m") if self._dice.random() < 0.5 else read
        await asyncio.sleep(self._dice.choice((0, 0.3)))
        before = _read(item.path)
        try:
            await asyncio.to_thread(delete)
        except httpx.HTTPError as error:
            item.note("mover", f"could not delete: {error!r}")
        item.note("mover", "deletes" if not item.path.exists() else "did not delete")
        await asyncio.sleep(self._dice.choice((0, 0.1, 1, 2.5)))
        item.path.write_bytes(new)
        item.made_at = time.monotonic()
        item.note("mover", "recreates it", words_of(before), words_of(new))
        item.writes.append(("", frozenset(words_of(new))))

    async def _link(self, item: Item) -> None:
        """Move the file elsewhere and leave a link, as people do when a disk is full, then move it back."""
        async with item.moving():
            if not self._is_known(item):
                return
            store = self._root / "store" / item.kind.name
            store.parent.mkdir(exist_ok=True)
            os.rename(item.path, store)
            item.path.symlink_to(os.path.relpath(store, item.path.parent))
            item.note("mover", "replaces it with a link")
            await self._moved(item)
            await asyncio.sleep(self._dice.choice((0, 1)))
            item.path.unlink()
            os.rename(store, item.path)
            item.note("mover", "replaces the link with the file")
            await self._moved(item)

    async def _hard_link(self, item: Item) -> None:
        async with item.moving():
            store = self._root / "store" / item.kind.name
            store.parent.mkdir(exist_ok=True)
            os.link(item.path, store)
            item.note("mover", "creates a hard link")
            await asyncio.sleep(self._dice.choice((0, 1)))
            word = self._words.new("m")
            if added := item.kind.appended(b"", word):
                data = _read(store)
                with store.open("ab") as file:
                    await _lock(file)
                    file.write(added)
                item.note("mover", "appends through the hard link", after=[word])
                item.writes.append((word, frozenset([*words_of(data), word])))
            store.unlink()

    async def _api(self, method: str, place: str, body: Any) -> None:
        path = "api/contents/" + self._quoted(place)
        await asyncio.to_thread(self._server.ask, method, path, body)

    def _quoted(self, place: str) -> str:
        return quote(self._server.path(place))

    # Git

    def begin(self) -> None:
        """Create a repository with two branches."""
        self._git("init", "-q", "-b", "main")
        (self._root / ".git/info/exclude").write_text(".*\n*~\n*.before-*\nstore/\n")
        for name, value in {
            "user.name": "git", "user.email": "git@localhost", "core.autocrlf": "false", "gc.auto": "0",
        }.items():  # fmt: skip
            self._git("config", name, value)
        self._git("add", "-A")
        self._git("commit", "-q", "-m", "begin")
        self._git("branch", "side")
        for item in self._items:
            item.revisions.append("main")
        self._commit("begin")

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self._root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def _commit(self, message: str) -> None:
        """Commit the files that are at their initial paths, and record the revision for those that it contains completely."""
        there = [item for item in self._items if item.place == item.home and item.path.exists()]
        places = [item.home for item in there]
        with contextlib.suppress(subprocess.CalledProcessError):
            self._git("add", "--", *places)
            self._git("commit", "-q", "-m", message, "--", *places)
        head = self._git("rev-parse", "HEAD").strip()
        for item in there:
            if not item.kind.problems(self._blob(head, item)):
                item.revisions.append(head)

    def _blob(self, revision: str, item: Item) -> bytes:
        command = ["git", "-C", str(self._root), "show", f"{revision}:{item.home}"]
        return subprocess.run(command, check=False, capture_output=True).stdout

    async def git(self) -> None:
        action = self._dice.choice([self._commit_all, self._older, self._stash, self._switch])
        await action(self._dice.choice(self._items))

    async def _commit_all(self, _item: Item) -> None:
        async with AsyncExitStack() as stack:
            for each in self._items:
                await stack.enter_async_context(each.writing())
            await asyncio.to_thread(self._commit, "more")

    async def _older(self, item: Item) -> None:
        async with item.writing():
            if item.place != item.home:
                return
            revision = self._dice.choice(item.revisions[-6:])
            await self._run(item, f"checks out {revision[:7]}", "checkout", "-q", revision, "--", item.home)

    async def _run(self, item: Item, what: str, *arguments: str) -> bool:
        before = _read(item.path)
        try:
            await asyncio.to_thread(self._git, *arguments)
        except subprocess.CalledProcessError as error:
            item.note("git", f"failed: {what} ({error.stderr.strip()[:80]})")
            return False
        after = _read(item.path)
        item.note("git", what, words_of(before), words_of(after))
        item.made_at = time.monotonic()
        item.writes.append(("", frozenset(words_of(after))))
        return True

    async def _stash(self, item: Item) -> None:
        async with item.writing():
            if item.place != item.home or not self._git("diff", "--name-only", "HEAD", "--", item.home):
                return
            if item.kind.problems(self._blob("HEAD", item)):
                return
            if not await self._run(item, "stashes", "stash", "push", "-q", "--", item.home):
                return
            await asyncio.sleep(self._dice.choice((0, 0.3, 1.5)))
            if not self._git("stash", "list"):
                return
            whole = not item.kind.problems(self._blob("stash@{0}", item))
            if not whole or not await self._run(item, "pops its stash", "stash", "pop", "-q"):
                self._git("checkout", "-q", "HEAD", "--", item.home) if self._conflicts() else None
                self._git("stash", "drop", "-q")
                item.note("git", "drops its stash")

    def _conflicts(self) -> str:
        return self._git("diff", "--name-only", "--diff-filter=U")

    async def _switch(self, _item: Item) -> None:
        """Switch to the other branch, which changes files as a pull does, and sometimes back."""
        async with AsyncExitStack() as stack:
            for each in self._items:
                await stack.enter_async_context(each.writing())
            if any(each.place != each.home for each in self._items):
                return
            await asyncio.to_thread(self._commit, "before switching")
            for _ in range(self._dice.choice((1, 2))):
                other = "side" if self._branch == "main" else "main"
                if any(each.kind.problems(self._blob(other, each)) for each in self._items):
                    return
                before = {each.home: _read(each.path) for each in self._items}
                try:
                    await asyncio.to_thread(self._git, "checkout", "-q", other)
                except subprocess.CalledProcessError as error:
                    for each in self._items:
                        each.note("git", f"could not switch to {other} ({error.stderr.strip()[:80]})")
                    return
                self._branch = other
                for each in self._items:
                    after = _read(each.path)
                    each.note("git", f"switches to {other}", words_of(before[each.home]), words_of(after))
                    each.writes.append(("", frozenset(words_of(after))))
                    each.made_at = time.monotonic()
                await asyncio.sleep(self._dice.choice((0.3, 1.5)))


def _read(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def _read_whole(item: Item) -> bytes | None:
    """Read a file after waiting for locks. Return None if it is missing or not in order, so that programs leave it alone."""
    with contextlib.suppress(OSError), item.path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        data = file.read()
        return None if item.kind.problems(data) else data
    return None


async def _lock(file: Any) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            await asyncio.sleep(0.005)
