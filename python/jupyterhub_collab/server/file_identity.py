# SPDX-License-Identifier: GPL-3.0-or-later
"""Track which file a document belongs to, under all its names. No other module decides this.

A document has an ID, and an ID has a file. Two names belong to the same document if they lead to the same file: through symbolic links to
the file or to a directory above it, as hard links, or in another normal form of Unicode. A file that is moved keeps its document, whether
it is moved alone or with a directory above it, in JupyterLab or by any other program. A name whose file is gone keeps its document, too.
If a file with that name exists again, restored or new, it continues with what people have in their tabs.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import stat
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server_fileid.manager import ArbitraryFileIdManager

from .birth import birth_of

SCHEMA = """
    create table if not exists Identities (
        id text primary key, path text not null, device integer, inode integer, size integer, mtime integer,
        born integer
    );
    create index if not exists identities_of_path on Identities (path);
    create index if not exists identities_of_inode on Identities (device, inode);
    create table if not exists Names (name text, id text, primary key (name, id));
"""
# JupyterLab prefixes the paths of shared documents with the name of a drive, and people paste these paths.
DRIVE = "RTC:"
# Many programs save by moving the file away and writing a new one. Only a file that is missing for this many seconds counts as moved.
AWAY = 0.5
# A file that was written less than this many seconds ago may be one that an editor has just rewritten.
NEW = 5
# The errors that say that no file has a name.
MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
# The most time, in seconds, that a starting server spends on finding its known files again, the newest first.
LOOKING = 1.0


@dataclass
class Held:
    """The file of an open document. Its descriptor follows the file wherever it is moved."""

    descriptor: int
    device: int
    inode: int


class FileIdentity(ArbitraryFileIdManager):
    """The server's file IDs. Takes over those that `ArbitraryFileIdManager` assigned in the same database.

    Paths are stored as the system has them: absolute, and without symbolic links. Inside the server's directory, this path is also the
    file's path in the server's API. Outside of it, a document has the name under which a user opened it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        directory, self._shows_hidden = _served()
        self._root = os.path.realpath(os.path.expanduser(directory or self.root_dir or "/"))
        self._held: dict[str, Held] = {}
        self._listeners: dict[str, Callable[[], None]] = {}
        self._away: dict[str, float] = {}  # since when a followed file has been missing from its path
        self._has_unsaved: Callable[[str], bool] = lambda _id: False
        self.con.executescript(SCHEMA)
        if "born" not in [row[1] for row in self.con.execute("pragma table_info(Identities)")]:
            # An earlier version created the table.
            self.con.execute("alter table Identities add column born integer")
        with self.con:
            known = "select id, path from Files where id not in (select id from Identities)"
            for id_, path in self.con.execute(known).fetchall():
                row = (id_, _real(self._absolute(self._from_normalized_path(path) or path)))
                self.con.execute("insert into Identities (id, path) values (?, ?)", row)

    # The interface for jupyter-collaboration

    def index(self, path: str) -> str:
        """Return the ID of the file that `path` leads to. Create an ID if the file has none."""
        if found := self.get_id(path):
            return found
        id_, name = self._uuid(), self._name(path)
        with self.con:
            real = _real(self._absolute(name))
            self.con.execute("insert into Identities (id, path) values (?, ?)", (id_, real))
            self._remember_name(name, id_)
        self.note(id_)
        return id_

    def get_id(self, path: str) -> str | None:
        """Return the ID of the file that `path` leads to; None if the file has none yet."""
        name = self._name(path)
        real = _real(self._absolute(name))
        found = self._id_of(real)
        if found is not None:
            with self.con:
                self._remember_name(name, found)
        return found

    def get_path(self, id: str) -> str | None:
        """Return a file's current path in the server's API, or its last one if the file is gone; None if the ID is unknown."""
        row = self.con.execute("select path from Identities where id = ?", (id,)).fetchone()
        if row is None:
            return None
        real = self._followed(id, str(row[0]))
        inside = self._inside(real)
        if inside is not None and self._is_shown(inside):
            return inside
        # The file is outside of the server's directory, or hidden: it has the name of a link that leads to it.
        names = self.con.execute("select name from Names where id = ? order by rowid", (id,)).fetchall()
        leading = (name for (name,) in names if _real(self._absolute(name)) == real)
        return next(leading, inside if inside is not None else (names[0][0] if names else None))

    def move(self, old_path: str, new_path: str) -> str | None:
        """Record that a user has moved a file or directory through the server. Return the file's ID, if it has one."""
        old, new = _real_parent(self._absolute(old_path)), _real_parent(self._absolute(new_path))
        self._rename(old, new)
        found = self._id_of(_real(new))
        if found is not None:
            with self.con:
                self._remember_name(self._name(new_path), found)
        self._tell_below(new)
        return found

    def copy(self, from_path: str, to_path: str) -> str | None:
        return None  # a copy is a separate file, which gets an ID when someone opens it

    def delete(self, path: str) -> None:
        """Notify the open documents of a file or directory that a user has deleted through the server."""
        self._tell_below(_real_parent(self._absolute(path)))

    def save(self, path: str) -> None:
        pass

    # The interface for our documents

    def locate(self, id: str) -> str | None:
        """Return the absolute path of a document's file; None if it is gone, is not a regular file, or is not shown.

        A folder that the server may not enter, or a disk that does not answer, does not mean that the file is gone.
        """
        path = self.get_path(id)
        row = self.con.execute("select path from Identities where id = ?", (id,)).fetchone()
        if row is None or path is None or _real(self._absolute(path)) != row[0] or not self._is_shown(path):
            return None
        try:
            return str(row[0]) if stat.S_ISREG(os.stat(row[0]).st_mode) else None
        except OSError as error:
            return None if error.errno in MISSING else str(row[0])
        except ValueError:
            return None

    def hold(self, id: str, tell: Callable[[], None]) -> None:
        """Follow the file of an open document. tell: called when a user moves or deletes the file through the server."""
        self._listeners[id] = tell
        self.note(id)

    def release(self, id: str) -> None:
        """Stop following a file."""
        self.note(id)
        self._listeners.pop(id, None)
        if held := self._held.pop(id, None):
            os.close(held.descriptor)

    async def follow_all(self) -> None:
        """Record where all followed files are. Call this when the server stops: afterwards, nobody knows which files were moved."""
        away = []
        for id_, held in self._held.items():
            row = self.con.execute("select path from Identities where id = ?", (id_,)).fetchone()
            if row is not None and _is_away(row[0]):
                # A copy, because a document may close its descriptor in the meantime.
                away.append((id_, str(row[0]), os.dup(held.descriptor)))
        if away:
            await asyncio.sleep(AWAY)
        for id_, real, descriptor in away:
            if _is_away(real):
                self._find_moved(id_, real, descriptor)
            os.close(descriptor)

    def note(self, id: str) -> None:
        """Record what identifies the file that is at a document's path now."""
        row = self.con.execute("select path from Identities where id = ?", (id,)).fetchone()
        if row is None:
            return
        try:
            found = os.stat(row[0])
        except (OSError, ValueError):
            return
        if not stat.S_ISREG(found.st_mode):
            return
        with self.con:
            self._note(id, row[0], found)
        if id in self._listeners:
            self._follow(id, row[0], found)

    # Names

    def _name(self, path: str) -> str:
        """Return a path as the server has it: without a drive, and in the normal form of Unicode in which the file exists."""
        path = path.strip("/")
        if path.startswith(DRIVE) and not os.path.lexists(self._absolute(path)):
            path = path.removeprefix(DRIVE).strip("/")
        if not os.path.lexists(self._absolute(path)):
            for form in ("NFC", "NFD"):
                if os.path.lexists(self._absolute(other := unicodedata.normalize(form, path))):
                    return other
        return path

    def _absolute(self, path: str) -> str:
        return os.path.join(self._root, path.strip("/")) if not path.startswith(self._root + "/") else path

    def _inside(self, real: str) -> str | None:
        prefix = self._root.rstrip("/") + "/"
        return real.removeprefix(prefix) if real.startswith(prefix) else None

    def _is_shown(self, path: str) -> bool:
        """Return whether the server shows the file at a path. To it, a file in a hidden place such as the trash is deleted."""
        return self._shows_hidden or not any(part.startswith(".") for part in path.split("/"))

    def _remember_name(self, name: str, id_: str) -> None:
        self.con.execute("insert or ignore into Names values (?, ?)", (name, id_))

    # Files

    def _id_of(self, real: str) -> str | None:
        """Return the ID of a file. A file that was moved here brings its ID; otherwise, the ID is that of the path."""
        try:
            found = os.stat(real)
        except (OSError, ValueError):
            found = None
        row = self.con.execute("select id from Identities where path = ? order by rowid", (real,)).fetchall()
        here = [str(id_) for (id_,) in row]
        if found is None or not stat.S_ISREG(found.st_mode):
            return here[0] if here else None
        is_kept = any(map(self._keeps_its_place, here))
        same = "select id, path, size, mtime, born from Identities where device = ? and inode = ?"
        for id_, path, *noted in self.con.execute(same, (found.st_dev, _signed(found.st_ino))).fetchall():
            if id_ in here:
                return str(id_)
            if _is_at(path, found) and not _is_away(path):
                return str(id_)  # another hard link of the file
            if _is_away(path) and (id_ in self._held or _is_same(noted, real, found)) and not is_kept:
                self._moved(id_, real)
                return str(id_)
        return here[0] if here else None

    def _keeps_its_place(self, id_: str) -> bool:
        """Return whether a document keeps its place if another file is moved there.

        It does if it is open, or has unsaved text, which is then merged into the file in that place.
        """
        return id_ in self._held or self._has_unsaved(id_)

    def look_again(self, has_unsaved: Callable[[str], bool]) -> None:
        """Record what happened to the known files while no server was running. Call this before anyone opens one.

        A file that was moved to a folder of known files takes its document along, even onto another file; one with unsaved text also
        elsewhere, as far as there is time to search. A file that a program has replaced keeps its document, and is recognized if it is moved
        before anyone opens it.

        has_unsaved: returns whether people typed something into a document, given its ID, that its file does not hold.
        """
        self._has_unsaved = has_unsaved
        columns = "id, path, device, inode, size, mtime, born"
        rows = self.con.execute(f"select {columns} from Identities order by rowid desc").fetchall()
        until = time.monotonic() + LOOKING
        paths = [path for _id, path, *_noted in rows]
        seen = dict(_seen(paths, until))
        found = {path: at for path, at in seen.items() if at is not None}
        away = [
            (id_, path, (device, inode))
            for id_, path, device, inode, *_noted in rows
            if inode and path in seen and path not in found
        ]
        found |= self._seek([(id_, number) for id_, _path, number in away], paths, until)
        if {_number(at) for at in found.values()} & {number for _id, _path, number in away}:
            # They were moved, or a program has moved one aside and not written the new one yet.
            time.sleep(AWAY)
            again = _seen([path for _id, path, _number in away], time.monotonic() + LOOKING)
            found |= {path: at for path, at in again if at is not None}
        number_of = {path: _number(at) for path, at in found.items()}
        place_of = {number: path for path, number in number_of.items()}
        # By place: the document of the file there, and where the file was before.
        owner: dict[str, tuple[str, str]] = {}
        for id_, path, device, inode, *noted in rows:
            if number_of.get(path) == (device, inode):
                owner[path] = id_, path
            elif (place := place_of.get((device, inode))) and _is_same(noted, place, found[place]):
                owner.setdefault(place, (id_, path))
        known = {number_of[place] for place in owner}
        # If an unknown file is in the old place, a program moved the known one aside and wrote a new one. The document keeps its place.
        moved = {
            place: id_
            for place, (id_, before) in owner.items()
            if place != before and (_is_away(before) or before in owner)
        }
        others = [(id_, path) for id_, path, *_noted in rows if path in moved and id_ not in moved.values()]
        kept = {path for id_, path in others if self._keeps_its_place(id_)}
        with self.con:
            for place in moved.keys() - kept:
                self.con.execute("update Identities set path = ? where id = ?", (place, moved[place]))
            for id_, path, *_noted in rows:
                if path in found and number_of[path] not in known:
                    self._note(id_, path, found[path])

    def _seek(
        self, away: list[tuple[str, tuple[int, int]]], paths: list[str], until: float
    ) -> dict[str, os.stat_result]:
        """Return the files with these numbers, by path: in the folders of these and of all known names, and if text is unsaved, anywhere.

        away: IDs of documents, each with the device and the inode of its file. until: when to give up.
        """
        wanted = {number for _id, number in away}
        names = [self._absolute(name) for (name,) in self.con.execute("select distinct name from Names")]
        folders: Iterable[str] = dict.fromkeys(_real(os.path.dirname(path)) for path in [*paths, *names])
        if any(self._has_unsaved(id_) for id_, _number in away):
            folders = chain(folders, (place for place, _folders, _files in os.walk(self._root)))
        found: dict[str, os.stat_result] = {}
        for folder in folders:
            if not wanted or time.monotonic() > until:
                break
            for path, at in _files_in(folder, wanted):
                inside = self._inside(path)
                if inside is not None and self._is_shown(inside):
                    found[path] = at
                    wanted.discard(_number(at))
        return found

    def _note(self, id_: str, path: str, found: os.stat_result) -> None:
        seen = (found.st_dev, _signed(found.st_ino), found.st_size, found.st_mtime_ns, birth_of(path))
        columns = "device = ?, inode = ?, size = ?, mtime = ?, born = ?"
        self.con.execute(f"update Identities set {columns} where id = ?", (*seen, id_))

    def _followed(self, id_: str, real: str) -> str:
        """Return where a document's file is now. real: where it was. Record the new place if the file was moved."""
        held = self._held.get(id_)
        target = _real(real)
        if target != real and os.path.isfile(target) and not self._is_taken(target, id_):
            # A link has replaced the file, or a directory above it.
            self._moved(id_, target)
            return target
        if held is None and not os.path.isdir(os.path.dirname(real)):
            return self._find_with_folder(id_, real)
        if held is None or not _is_away(real):
            self._away.pop(id_, None)
            return real
        since = self._away.setdefault(id_, time.monotonic())
        if time.monotonic() - since < AWAY:
            return real
        return self._find_moved(id_, real, held.descriptor)

    def _find_moved(self, id_: str, real: str, descriptor: int) -> str:
        """Return where the file of a descriptor is, or the file that has replaced it there, and record it; `real` if it is nowhere."""
        found = os.fstat(descriptor)
        for path in _places_of(descriptor):
            inside = self._inside(path)
            is_it = _is_at(path, found) or (os.path.isfile(path) and not self._is_taken(path, id_))
            if inside is not None and self._is_shown(inside) and is_it:
                self._moved(id_, path)
                return path
        return real

    def _find_with_folder(self, id_: str, real: str) -> str:
        """Return where the file is if its folder was moved back after the server had noticed that it was moved; `real` if it is nowhere.

        A program may have replaced the file since, so only its name is known.
        """
        names = self.con.execute("select name from Names where id = ? order by rowid desc", (id_,)).fetchall()
        for (name,) in names:
            place = _real(self._absolute(name))
            is_there = os.path.basename(place) == os.path.basename(real) and os.path.isfile(place)
            if is_there and not self._is_taken(place, id_):
                self._moved(id_, place)
                return place
        return real

    def _is_taken(self, real: str, id_: str) -> bool:
        """Return whether the file at a place belongs to another document."""
        others = "select 1 from Identities where path = ? and id != ?"
        return self.con.execute(others, (real, id_)).fetchone() is not None

    def _moved(self, id_: str, real: str) -> None:
        with self.con:
            self.con.execute("update Identities set path = ? where id = ?", (real, id_))

    def _rename(self, old: str, new: str) -> None:
        """Record the new place of all files that are, or were, at a place or below it."""
        below = "select id, path from Identities where path = ? or substr(path, 1, ?) = ?"
        with self.con:
            rows = self.con.execute(below, (old, len(old) + 1, old + "/")).fetchall()
            for id_, path in rows:
                row = (new + path[len(old) :], id_)
                self.con.execute("update Identities set path = ? where id = ?", row)
            if (before := self._inside(old)) is not None and (after := self._inside(new)) is not None:
                links = "select name, id from Names where substr(name, 1, ?) = ?"
                for name, id_ in self.con.execute(links, (len(before) + 1, before + "/")).fetchall():
                    self._remember_name(after + name[len(before) :], id_)

    def _tell_below(self, place: str) -> None:
        for id_, tell in list(self._listeners.items()):
            row = self.con.execute("select path from Identities where id = ?", (id_,)).fetchone()
            if row and (row[0] == place or row[0].startswith(place + "/")):
                tell()

    def _follow(self, id_: str, path: str, found: os.stat_result) -> None:
        held = self._held.get(id_)
        if held and (held.device, held.inode) == (found.st_dev, found.st_ino):
            return
        # A descriptor with O_PATH can neither read nor write, and needs no permission for the file.
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            at = os.fstat(descriptor)
            if held:
                os.close(held.descriptor)
            self._held[id_] = Held(descriptor, at.st_dev, at.st_ino)


def _served() -> tuple[str | None, bool]:
    """Return the directory whose files the server shows, and whether it shows hidden ones.

    The directory is its contents manager's, which may differ from the server's own.
    """
    manager = getattr(ServerApp.instance(), "contents_manager", None) if ServerApp.initialized() else None
    return getattr(manager, "root_dir", None), bool(getattr(manager, "allow_hidden", False))


def _files_in(folder: str, wanted: Collection[tuple[int, int]]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files in a folder that have one of these numbers (device and inode)."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        inodes = {inode for _device, inode in wanted}
        for entry in entries:
            if _signed(entry.inode()) in inodes and entry.is_file(follow_symlinks=False):
                at = entry.stat(follow_symlinks=False)
                if (at.st_dev, _signed(at.st_ino)) in wanted:
                    yield entry.path, at


def _real(path: str) -> str:
    return os.path.realpath(path)


def _real_parent(path: str) -> str:
    """Return a path with its directories resolved. If its last part is a link, it stays: the link is moved or deleted, not its target."""
    directory, name = os.path.split(path.rstrip("/"))
    return os.path.join(os.path.realpath(directory), name)


def _seen(paths: Iterable[str], until: float) -> Iterator[tuple[str, os.stat_result | None]]:
    """Yield each of these places with its regular file, None if it has none. until: when to give up."""
    for path in paths:
        if time.monotonic() > until:
            return
        found = None
        with contextlib.suppress(OSError, ValueError):
            at = os.stat(path)
            if stat.S_ISREG(at.st_mode) and _real(path) == path:
                found = at
        yield path, found


def _number(at: os.stat_result) -> tuple[int, int]:
    """Return what identifies a file on this host, as the database has it."""
    return at.st_dev, _signed(at.st_ino)


def _is_away(path: str) -> bool:
    """Return whether a file is missing from its place. A folder or a link may be there now, such as a link to the file's new place."""
    return not os.path.lexists(path) or os.path.isdir(path) or _real(path) != path


def _places_of(descriptor: int) -> list[str]:
    """Return where the file of a descriptor may be, or the file that has replaced it, the most likely place first.

    Some editors save by moving the file to a name that ends with ~ and writing a new one. Others rename a new file to the old name.
    """
    try:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return []
    if not os.path.lexists(path):
        path = path.removesuffix(" (deleted)")
    saved = path.removesuffix("~")
    return [saved, path] if saved != path and _is_new(saved) else [path]


def _is_new(path: str) -> bool:
    """Return whether a file was written a moment ago.

    If it was not, the file with ~ at the end of its name is not its backup; only the names are alike.
    """
    with contextlib.suppress(OSError, ValueError):
        return abs(time.time() - os.stat(path).st_ctime) < NEW
    return False


def _is_same(noted: list[Any], path: str, found: os.stat_result) -> bool:
    """Return whether a file with a known inode is the file that was recorded. File systems give a free inode to a new file.

    It is the same file if its creation time is the same or, on file systems without creation times, if it has not changed.

    noted: size, modification time and creation time of the recorded file when it was last seen.
    """
    size, mtime, born = noted
    return bool(born == birth_of(path) if born else (size, mtime) == (found.st_size, found.st_mtime_ns))


def _is_at(path: str, found: os.stat_result) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return os.path.samestat(os.stat(path), found)
    return False


def _signed(number: int) -> int:
    """Return an unsigned 64-bit number as a signed one, which SQLite can store."""
    return number - 2**64 if number >= 2**63 else number
