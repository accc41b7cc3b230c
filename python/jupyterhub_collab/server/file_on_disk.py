# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch, read and write the file of a document on disk. No other module does.

The content decides whether a file has changed. Its modification time is only a reason to look sooner, because programs can set it.

Replaces `jupyter_server_ydoc.loaders.FileLoader`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import ensure_async
from jupyter_server_ydoc import loaders
from jupyter_server_ydoc.utils import OutOfBandChanges
from tornado.web import HTTPError

from ..patches.server import saving
from .copies import model_of
from .file_content import Found, content_of, named, notebook_in
from .file_identity import FileIdentity
from .notebook_bytes import read
from .text_bytes import NoText
from .writers import would_write_over, writers_of

# A file of at most this many bytes is read at every look, whatever its times are.
SMALL = 64_000
# A larger file is read if its times have changed, or are less than this many seconds old: another change may have the same times.
YOUNG = 2
# A file counts as deleted when it has been missing for this many seconds. Its hash is then GONE.
AWAY = 1
GONE = "gone"
# How long to wait for a program that rewrites a file, in seconds: in total, and since its last write.
UNFINISHED, PAUSE = 10, 2.5
# For this many seconds after a change by another program, each save checks whether that program still writes the file.
LATELY = 600
# How often a read is repeated because another program wrote the file at the same time.
ATTEMPTS = 5


class Unfinished(OSError):
    """Another program is rewriting the file: it has the file open, and has removed the old content. Neither read nor write it now."""


class File(loaders.FileLoader):
    """A file with open documents. Their rooms `observe` its content, its path, and whether it exists."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._last_path = self._current_path = ""
        super().__init__(*arguments, **options)
        self._stamp: Any = None
        self._hash = ""
        self._last_read = ("", 0)  # the hash and the size of what was read last
        self._unfinished_since: float | None = None
        self._written_by_others = 0.0  # when another program last changed it, in seconds since the epoch
        self._has_begun = False  # whether the last write got as far as the contents manager's save
        self._gone_since: float | None = None
        self._looks: set[asyncio.Task[None]] = set()
        if isinstance(self._file_id_manager, FileIdentity):
            self._file_id_manager.hold(self._file_id, self._look_now)
        saving.prepare(self._contents_manager)

    async def clean(self) -> None:
        await super().clean()
        if isinstance(self._file_id_manager, FileIdentity):
            self._file_id_manager.release(self._file_id)

    @property
    def path(self) -> str:
        """The file's current path in the server's API, or its last one if the file is gone."""
        path = self._file_id_manager.get_path(self.file_id) or self._last_path
        if not path:
            raise RuntimeError(f"No path found for file ID '{self.file_id}'")
        self._last_path = path
        return path

    @property
    def place(self) -> str | None:
        """The file's path on this host; None if it does not exist, or the contents manager keeps it elsewhere."""
        identity = self._file_id_manager
        return (
            identity.locate(self._file_id) if self._is_local and isinstance(identity, FileIdentity) else None
        )

    @property
    def is_missing(self) -> bool:
        """Whether the file is not in its place at the moment. It may have been moved, or a program may be replacing it."""
        return self._is_local and self.place is None

    @property
    def is_gone(self) -> bool:
        """Whether the file counts as deleted."""
        return self._hash == GONE

    @property
    def _is_local(self) -> bool:
        return isinstance(self._contents_manager, FileManagerMixin) and isinstance(
            self._file_id_manager, FileIdentity
        )

    @property
    def _is_plain(self) -> bool:
        """Whether the contents manager takes a file's content from that file alone. Jupytext's, for one, also derives it from others."""
        return self._is_local and type(self._contents_manager).get.__module__.startswith("jupyter_server.")

    # Watching

    def forget(self) -> None:
        """Notify the rooms at the next look, whatever that finds."""
        self._stamp, self._hash = None, ""

    def _look_now(self) -> None:
        """Look at once, because a user has moved or deleted the file through the server. If the file is missing, it is gone for good."""
        self._gone_since = 0
        task = asyncio.ensure_future(self._try_to_look())
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def _try_to_look(self) -> None:
        with contextlib.suppress(Exception):
            await self.maybe_notify()

    def _gone(self) -> str:
        """Return the hash to report for a missing file: GONE after some time, because many programs save by removing it for a moment."""
        self._stamp = None
        if self._gone_since is None:
            self._gone_since = time.monotonic()
            # Start the file ID manager's clock, too: if the file was moved after its place was looked up, the next look finds it.
            self._file_id_manager.get_path(self._file_id)
        return GONE if time.monotonic() - self._gone_since > AWAY else self._hash

    async def maybe_notify(self) -> None:
        """Tell the rooms what happened to the file since the last look."""
        path = self.path
        if self._current_path != path:
            self._current_path = path
            for callback in list(self._filepath_subscriptions.values()):
                await ensure_async(callback())
        before = self._hash
        hash_ = await self._looked()
        if hash_ != before:
            self._hash = hash_
            for tell in list(self._subscriptions.values()):
                await tell()

    async def _looked(self, is_ours: bool = False) -> str:
        """Return the hash of the file. Compute it again if the file may have changed.

        is_ours: whether this server has locked the file. If so, raise Unfinished while another program is writing it.
        """
        if not self._is_local:
            return await self._looked_through_manager()
        place = self.place
        if place is None:
            return self._gone()
        self._gone_since = None
        stamp = _stamp_of(place)
        if stamp == self._stamp and stamp is not None and not _may_lie(stamp):
            return self._hash
        try:
            hash_ = (await self._found_at(place, is_ours)).hash
        except FileNotFoundError:
            return self._gone()
        except Unfinished:
            if is_ours:
                raise
            return self._hash
        except OSError:
            return self._hash  # it cannot be read at the moment
        self._stamp = stamp
        if isinstance(self._file_id_manager, FileIdentity):
            self._file_id_manager.note(self._file_id)
        return hash_

    async def _looked_through_manager(self) -> str:
        try:
            model = await self._model(content=False)
            if model["last_modified"] == self._stamp:
                return self._hash
            self._stamp = model["last_modified"]
            return _hash_of_model(await self._model(content=False, require_hash=True))
        except HTTPError as error:
            if error.status_code != 404:
                raise
            return self._gone()

    async def _model(self, **options: Any) -> dict[str, Any]:
        return dict(await ensure_async(self._contents_manager.get(self.path, **options)))

    # Reading

    async def find(self, format_: str, type_: str, is_ours: bool = False) -> Found:
        """Return what the file holds.

        Raises HTTPError if it does not exist or cannot be read, and Unfinished while another program is writing it.

        is_ours: whether this server has locked the file.
        """
        if not self._is_plain:
            return await self._find_through_manager(format_, type_)
        place = self.place
        if place is None:
            raise HTTPError(404, f"{self.path} does not exist, or is not a regular file")
        try:
            return await self._found_at(place, is_ours)
        except FileNotFoundError:
            raise HTTPError(404, f"{self.path} does not exist") from None
        except Unfinished:
            raise
        except OSError as error:
            raise HTTPError(403, f"{self.path} cannot be read: {error.strerror}") from error

    async def with_form_of(self, hash_: str, found: Found) -> Found:
        """Return `found` along with what the file held when it had hash `hash_`, if a write that was cut off has left that next to it."""
        with contextlib.suppress(OSError):
            if place := self.place:
                left = await asyncio.to_thread(_read, _intermediate(place))
                if self._hash_of(left) == hash_:
                    return replace(found, like=left)
        return found

    async def _found_at(self, place: str, is_ours: bool) -> Found:
        def find() -> Found:
            data = _read(place, is_ours)
            found = Found(self._hash_of(data), data)
            self._wait_for_writer(place, found.hash, data)
            if found.hash != self._last_read[0]:
                self._written_by_others = os.stat(place).st_ctime
            self._last_read = found.hash, len(data)
            return found

        return await asyncio.to_thread(find)

    def _hash_of(self, data: bytes) -> str:
        return str(self._contents_manager._get_hash(data)["hash"])

    def _wait_for_writer(self, place: str, hash_: str, data: bytes) -> None:
        """Raise Unfinished if the file has changed, and a program that has it open for writing may not have finished.

        Do not wait for programs that only append, such as to a log, or that keep the file open without writing.
        """
        before, size = self._last_read
        if not before or (hash_ == before and self._unfinished_since is None):
            return
        if not any(writers_of(place)):
            self._unfinished_since = None
            return
        if hash_ == before or (len(data) >= size and self._hash_of(data[:size]) == before):
            return
        if self._unfinished_since is None:
            self._unfinished_since = time.monotonic()
        is_at_work = abs(time.time() - os.stat(place).st_ctime) < PAUSE
        if is_at_work and time.monotonic() - self._unfinished_since < UNFINISHED:
            raise Unfinished(errno.EBUSY, "another program is writing the file", place)

    async def may_be_cut_off(self, held: Found) -> bool:
        """Return whether a failed write may have changed the file. held: what the file held before."""
        if not self._has_begun or not self._is_local:
            return self._has_begun
        place = self.place
        with contextlib.suppress(OSError):
            return place is not None and self._hash_of(await asyncio.to_thread(_read, place)) != held.hash
        return False

    async def _find_through_manager(self, format_: str, type_: str) -> Found:
        for _attempt in range(ATTEMPTS):
            before = _hash_of_model(await self._model(content=False, require_hash=True))
            content = (await self._model(content=True, format=format_, type=type_))["content"]
            if before == _hash_of_model(await self._model(content=False, require_hash=True)):
                break
        if isinstance(content, str):
            content = content.replace("\r\n", "\n")
        return Found(before, None, content)

    def content_of(self, found: Found, format_: str, type_: str, like: Any = None) -> Any:
        """Return the content of a file in the form that the document's type expects.

        like: the content as people had it when the file last held it. Raises HTTPError if the file holds content of another type.
        """
        with _as_http_error(self.path, type_):
            return content_of(
                found,
                format_,
                type_,
                like,
                lambda notebook: self._contents_manager.mark_trusted_cells(notebook, self.path),
            )

    async def content_slowly(self, found: Found, format_: str, type_: str, like: Any = None) -> Any:
        """Return what `content_of` returns, without making others wait."""
        data = found.data
        if data is None:
            return self.content_of(found, format_, type_, like)
        with _as_http_error(self.path, type_):
            if type_ == "notebook":
                notebook = await asyncio.to_thread(notebook_in, data)
                await saving.mark_trusted_cells(self._contents_manager, notebook, self.path)
                return await asyncio.to_thread(named, data, notebook, like)
            return await asyncio.to_thread(content_of, found, format_, type_)

    # Writing

    async def write(self, content: Any, data: bytes | None, held: Found, format_: str, type_: str) -> Found:
        """Write some content to the file. Return what the file holds then.

        data: the bytes of the content; None if only the contents manager knows them. held: what the file should hold now.
        Raises OutOfBandChanges if the file holds anything else, and OSError or HTTPError if it cannot be written.
        """
        self._has_begun = False
        async with self._lock, self._locked() as locked:
            if (hash_ := await self._looked(is_ours=True)) != held.hash:
                self.forget()
                raise OutOfBandChanges
            self._hash = hash_
            if data is not None and data == held.data:
                return held
            model = await asyncio.to_thread(self.model_of, content, data, format_, type_)
            begun = await saving.begin(self._contents_manager, held.data, data, model)
            path = self.path
            if not (await self._model(content=False))["writable"]:
                raise PermissionError(errno.EACCES, "the file is read-only")
            is_asked = locked is not None and abs(time.time() - self._written_by_others) < LATELY
            if is_asked and await asyncio.to_thread(would_write_over, f"/proc/self/fd/{locked}"):
                raise OSError(
                    errno.EBUSY, "another program is writing to it, and would overwrite the changes"
                )
            if locked is not None:
                begun.os_path = self._contents_manager._get_os_path(path)
                begun.is_as_read = partial(self._is_as_read, locked, self._stamp, hash_)
            self._has_begun = True
            saved = await self._save(model, path, held, begun)
            ours = Found("" if data is None else await asyncio.to_thread(self._hash_of, data), data)
            if data is not None:
                self._last_read = ours.hash, len(data)
            found = await self._find_saved(saved, begun, ours, format_, type_)
            place = self.place
            self._hash, self._stamp = found.hash, _stamp_of(place) if place else saved
            if not found.hash:
                self._stamp = None  # another program has written it since: read it at the next look
            if isinstance(self._file_id_manager, FileIdentity):
                self._file_id_manager.note(self._file_id)
            return found

    async def _find_saved(
        self, modified: Any, begun: saving.Saving, ours: Found, format_: str, type_: str
    ) -> Found:
        """Return what the file holds just after it was saved. The hash is empty if the file has changed since, or is gone.

        modified: when the contents manager wrote it. ours: what the contents manager should have written.
        Raises OSError or HTTPError if the file cannot be read.
        """
        try:
            found = await self.find(format_, type_, is_ours=True)
            is_ours = await self._is_written(begun, ours, found)
            if ours.data is not None and found.hash == ours.hash:
                found = replace(found, data=ours.data)  # the same object, so `form_of` recognizes it at once
            if is_ours and (await self._model(content=False))["last_modified"] == modified:
                return found
        except Unfinished:
            pass  # another program has begun to write it
        except (FileNotFoundError, HTTPError) as error:
            if not says_gone(error):
                raise
        return Found("", ours.data)

    async def _save(self, model: dict[str, Any], path: str, held: Found, begun: saving.Saving) -> Any:
        """Make the contents manager save the file. Return the time of the save; None if the file was saved and then disappeared.

        Raises OutOfBandChanges if another program has moved, replaced or changed the file before it was written. If a hook fails after the
        file was written, it is saved.
        """
        try:
            with saving.as_document(begun):
                return (await ensure_async(self._contents_manager.save(model, path)))["last_modified"]
        except Exception as error:
            if begun.is_refused:
                self._remove_intermediate(os.path.realpath(begun.os_path))
                self.forget()
                raise OutOfBandChanges from None
            if self.is_missing and begun.data is not None and begun.data in begun.written.values():
                return None
            if begun.is_written:
                self._log.warning("%s is saved, but a hook failed: %r", path, error)
                return (await self._model(content=False))["last_modified"]
            self._tidy_up(held, begun)
            raise

    async def _is_written(self, begun: saving.Saving, ours: Found, found: Found) -> bool:
        """Return whether a file that was found after saving is what the contents manager has written, as far as that is known.

        This may differ from the intended content (`ours`): hooks, and managers that derive a file, may write different content.
        """
        written = begun.written.get(self._contents_manager._get_os_path(self.path)) if begun.written else None
        place = self.place
        if written is None or place is None:
            return True
        if written is ours.data and found.data is not None:
            return found.hash == ours.hash
        return await asyncio.to_thread(_read, place, True) == written

    def _is_as_read(self, locked: int, stamp: Any, hash_: str, descriptor: int) -> bool:
        """Return whether an open file is the locked one, and holds what it held when it had this stamp and this hash."""
        found = os.fstat(descriptor)
        if not os.path.samestat(found, os.fstat(locked)):
            return False
        if found.st_size > SMALL and _stamp(found) == stamp:
            return True
        with open(f"/proc/self/fd/{locked}", "rb") as file:
            return self._hash_of(file.read()) == hash_

    def model_of(self, content: Any, data: bytes | None, format_: str, type_: str) -> dict[str, Any]:
        """Return the model that the contents manager should save."""
        if data is None:
            kind = type_ if type_ in ("notebook", "file") else "file"
            return {"format": format_, "type": kind, "content": content}
        if type_ != "notebook":
            return model_of(data)
        # Use the notebook as it will be read again. Otherwise, what is signed would differ from what is in the file.
        written = read(data)
        for cell, now in zip(written["cells"], content["cells"], strict=False):
            if "trusted" in now["metadata"]:
                cell["metadata"]["trusted"] = now["metadata"]["trusted"]
        return {"format": "json", "type": "notebook", "content": written}

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[int | None]:
        """Lock the file against other collaboration servers: those that share a home directory, or whose hubs share a host.

        Yield the descriptor of the file; None if it is not on this host. Raises HTTPError or OSError if it cannot be locked.
        """
        place = self.place
        if place is None:
            if self._is_local:
                raise HTTPError(404, f"{self.path} no longer exists")
            yield None
            return
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise HTTPError(403, f"{self.path} cannot be opened: {error.strerror}") from error
        try:
            if not await saving.locks(descriptor):
                raise OSError(errno.EWOULDBLOCK, "another program has locked the file")
            yield descriptor
        finally:
            os.close(descriptor)

    def _tidy_up(self, held: Found, begun: saving.Saving) -> None:
        """Restore a file after a write failed, such as on a full disk, and delete the contents manager's copy of it."""
        place = self.place
        with contextlib.suppress(OSError):
            if place and held.data is not None:
                now, ours = _read(place, True), [begun.data or b"", *begun.written.values()]
                # Otherwise, another program has written it.
                if now != held.data and any(each.startswith(now) for each in ours):
                    Path(place).write_bytes(held.data)
                self._remove_intermediate(place)

    def _remove_intermediate(self, place: str) -> None:
        """Delete the copy that the contents manager has made of a file to rewrite it. If it makes none, that is a file of the user's."""
        if self._contents_manager.use_atomic_writing:
            with contextlib.suppress(OSError):
                os.unlink(_intermediate(place))


@contextlib.contextmanager
def _as_http_error(path: str, type_: str) -> Iterator[None]:
    """Raise HTTPError if the content of a file does not match its type."""
    try:
        yield
    except NoText as error:
        raise HTTPError(400, f"{path} cannot be edited as text: {error}", reason="bad format") from error
    except (ValueError, RecursionError) as error:
        raise HTTPError(400, f"{path} cannot be read as a {type_}: {error}") from error


def says_gone(error: Exception) -> bool:
    """Return whether an error says that a file does not exist."""
    return isinstance(error, FileNotFoundError) or (isinstance(error, HTTPError) and error.status_code == 404)


def _hash_of_model(model: dict[str, Any]) -> str:
    """Return a value that shows whether a file was written: its hash, or its date if the contents manager has no hashes."""
    return str(model.get("hash") or model["last_modified"])


def _intermediate(place: str) -> str:
    """Return where the contents manager keeps the old file while it rewrites it, as `fileio.path_to_intermediate` does."""
    directory, name = os.path.split(place)
    return os.path.join(directory, f".~{name}")


def _stamp_of(place: str) -> tuple[int, int, int, int, int] | None:
    try:
        return _stamp(os.stat(place))
    except OSError:
        return None


def _stamp(found: os.stat_result) -> tuple[int, int, int, int, int]:
    # The last one (ctime) changes with each change of a file, and no program can set it.
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _may_lie(stamp: tuple[int, int, int, int, int]) -> bool:
    return stamp[2] <= SMALL or abs(time.time() - stamp[4] / 1e9) < YOUNG


def _read(place: str, is_ours: bool = False) -> bytes:
    """Return the bytes of a file, all from the same moment if possible. is_ours: whether this server has locked the file."""
    descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a regular file", place)
        deadline = time.monotonic() + saving.LOCKED
        while not is_ours and not saving.lock(descriptor, fcntl.LOCK_SH) and time.monotonic() < deadline:
            time.sleep(0.01)
        for _attempt in range(ATTEMPTS):
            before = os.fstat(descriptor)
            file.seek(0)
            data = file.read()
            after = os.fstat(descriptor)
            if (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
                after.st_size,
                after.st_mtime_ns,
                after.st_ctime_ns,
            ):
                break
    return data
