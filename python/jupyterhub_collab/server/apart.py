# SPDX-License-Identifier: GPL-3.0-or-later
"""Do work with a large document in another process, such as to merge its file into a copy of it.

A single call of pycrdt or json that handles 60 MB keeps all threads of a process waiting for 40 to 200 ms, the event loop included.
The other process reads the document from the history, so that the server need not even encode it.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from nbformat.sign import MemorySignatureStore, NotebookNotary

from .file_content import Found, content_of
from .following import Aside, Base, Form, Taken, follow_aside
from .history import OnDisk, read_updates
from .merge import doc_of

# A file of at least this many bytes is merged in another process. For a smaller one, starting it costs more than it saves.
VERY_LARGE = 5_000_000
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from jupyterhub_collab.server.apart import main; main()"
YES, NO = b"yes\n", b"no\n"
# Time limit of a process, in seconds. If it merges a file, the document is not saved while it runs.
PATIENCE = 60
# More merges at once would only compete for processors and memory. Those who look back have turns of their own (`looking_back.Turns`).
_turn = asyncio.Semaphore(2)


@dataclass(frozen=True)
class Signer:
    """The secret and algorithm with which trusted notebooks are signed (see `nbformat.sign.NotebookNotary`)."""

    secret: bytes
    algorithm: str

    def mark(self, is_signed: Callable[[str, str], bool]) -> Callable[[Any], None]:
        """Return what marks the cells of a notebook whose output is trusted. is_signed: of a signature and its algorithm."""

        class Store(MemorySignatureStore):
            def check_signature(self, digest: str, algorithm: str) -> bool:
                return is_signed(digest, algorithm)

        def mark(notebook: Any) -> None:
            make: Any = NotebookNotary
            notary = make(secret=self.secret, algorithm=self.algorithm, store_factory=Store)
            notary.mark_cells(notebook, notary.check_signature(notebook))

        return mark


class Work(Protocol):
    """What another process can do: what it needs, and what comes of it, can be pickled. name: of the document, for errors."""

    @property
    def name(self) -> str: ...

    def do(self, is_signed: Callable[[str, str], bool]) -> Any: ...


@dataclass(frozen=True)
class Job:
    """A document and what its file holds.

    history: the path of the database.
    name: the document's name in it.
    taken: the moment up to which to read updates.
    on_disk: what was last recorded about the file.
    form, found, signer: the format, what the file holds now, and how notebooks are signed.
    """

    history: Path
    name: str
    taken: Taken
    on_disk: OnDisk
    form: Form
    found: Found
    signer: Signer

    def do(self, is_signed: Callable[[str, str], bool]) -> Aside:
        """Run `follow_aside`. Raises ValueError if the history has changed or the file holds content of another type, and sqlite3.Error."""
        updates = read_updates(self.history, self.name, self.taken.place[0])
        if not updates or updates[-1][0] != self.taken.place[0]:
            raise ValueError("the history has changed")
        held = [content for number, content in updates if number <= self.on_disk.last_update]
        since = [content for number, content in updates if number > self.on_disk.last_update]
        base = Base.of(self.on_disk, held, since)
        content = content_of(
            self.found,
            self.form.file_format,
            self.form.file_type,
            base.likeness(self.form.kind),
            self.signer.mark(is_signed),
        )
        people = doc_of(*held, *since).get_update()
        return follow_aside(self.form, self.taken, people, base, self.found, content)


async def follow_apart(job: Job, is_signed: Callable[[str, str], bool]) -> Aside:
    """Do a job in another process.

    Raises ChildProcessError if that process fails, TimeoutError after PATIENCE, OSError, and what `is_signed` raises.
    """
    async with _turn:
        aside: Aside = await run_apart(job, is_signed)
        return aside


def nothing_is_signed(_digest: str, _algorithm: str) -> bool:
    return False


async def run_apart(job: Work, is_signed: Callable[[str, str], bool] = nothing_is_signed) -> Any:
    """Return what `job.do` returns in another process. Raises what `follow_apart` raises."""
    with _memory("job") as given, _memory("outcome") as outcome:
        await asyncio.to_thread(_dump, job, given)
        descriptors = given.fileno(), outcome.fileno()
        process = await asyncio.create_subprocess_exec(
            # -P: import no modules from the server's working directory, unless the server does.
            *(sys.executable, "-P", "-c", START, json.dumps([*map(str, sys.path)]), *map(str, descriptors)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=descriptors,
        )
        assert process.stdin and process.stdout
        try:
            async with asyncio.timeout(PATIENCE):
                while question := (await process.stdout.readline()).split():
                    digest, algorithm = map(bytes.decode, question)
                    process.stdin.write(YES if is_signed(digest, algorithm) else NO)
                if status := await process.wait():
                    raise ChildProcessError(f"it exited with status {status}")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        outcome.seek(0)
        return await asyncio.to_thread(pickle.load, outcome)


def main() -> None:
    """Read a job from one descriptor, and write its outcome to another. Ask about signatures on standard output."""
    asking, sys.stdout = sys.stdout, sys.stderr  # what libraries print is not a question

    def is_signed(digest: str, algorithm: str) -> bool:
        print(digest, algorithm, file=asking, flush=True)
        return sys.stdin.buffer.readline() == YES

    with open(int(sys.argv[2]), "rb") as given, open(int(sys.argv[3]), "wb") as outcome:
        job: Work = pickle.load(given)
        try:
            _dump(job.do(is_signed), outcome)
        except ValueError as error:
            # The server tells people: of a file when it finds the same problem itself, and who looks back at once.
            sys.exit(f"{job.name} is not handled here: {error}")


def _memory(name: str) -> IO[bytes]:
    """Return an anonymous file, which only descriptors refer to."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create(name), "w+b")
    return tempfile.TemporaryFile()  # Python builds for older systems, such as conda's, lack memfd_create


def _dump(what: Any, file: IO[bytes]) -> None:
    pickle.dump(what, file, pickle.HIGHEST_PROTOCOL)
    file.flush()
    file.seek(0)
