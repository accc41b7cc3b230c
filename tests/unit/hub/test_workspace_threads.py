# SPDX-License-Identifier: GPL-3.0-or-later
"""A workspace whose file system does not answer keeps neither the hub nor other workspaces waiting, and stays closed until it does."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterhub_collab.hub import workspace_access, workspaces
from jupyterhub_collab.hub.workspace_access import GivenAccess
from jupyterhub_collab.hub.workspace_rights import WRITE
from jupyterhub_collab.hub.workspace_threads import Unanswered, WorkspaceThreads
from jupyterhub_collab.hub.workspaces import Workspaces
from jupyterhub_collab.workspaces import gates, permissions, posix_acl
from unused_accounts import FIRST

GROUPS = permissions.Groups(FIRST + 91, FIRST + 92)
# Not the hub's seconds, because the machine may be busy.
PATIENCE, LONG = 60, 20
WELL, DEAD = "rain/files", "snow/files"
OF = dict.fromkeys((WELL, DEAD), "root")


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Leave two workspaces, of which one does not answer until this event."""
    event = threading.Event()
    monkeypatch.setattr(gates, "STATE", str(tmp_path / "state"))
    monkeypatch.setattr(workspace_access, "numbers_of", lambda workspace: GROUPS)
    for workspace in OF:
        (tmp_path / workspace).mkdir(parents=True)

    def waits(real: Any) -> Any:
        def call(path: Any, *arguments: Any) -> Any:
            if str(path) == str(tmp_path / DEAD):
                event.wait(LONG)
            return real(path, *arguments)

        return call

    monkeypatch.setattr(permissions, "opened", waits(permissions.opened))
    monkeypatch.setattr(os, "lstat", waits(os.lstat))
    monkeypatch.setattr(os.path, "realpath", waits(os.path.realpath))
    yield event
    event.set()


def gate(path: Path) -> posix_acl.Acl | None:
    with permissions.opened(str(path)) as directory:
        return posix_acl.read(directory)


def waited(condition: Any) -> bool:
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("workspace ")]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change file owners")
def test_silent_workspace_is_closed_until_it_answers(tmp_path: Path, answer: threading.Event) -> None:
    given = GivenAccess(str(tmp_path))
    given.load()
    given.note("daemon", "daemon", dict.fromkeys(OF, WRITE))
    rights = {"daemon": dict.fromkeys(OF, WRITE)}
    begun = time.monotonic()
    settled = given.settle(rights, OF, 2)
    assert (settled.unsettled, len(settled.problems)) == ({DEAD}, 1)
    assert "snow/files cannot be given or taken away: it does not answer" in settled.problems[0]
    assert gates.recall()[DEAD] == gates.Gate(by_name=True, closed="it does not answer")
    assert gates.recall()[WELL].users and gate(tmp_path / WELL) == GROUPS.gate(given.gates[WELL])
    for _time in range(5):  # and is not waited for any more, or in more threads
        given.settle(rights, OF, 2)
    assert time.monotonic() - begun < LONG / 2
    assert waited(lambda: threads() == [f"workspace {DEAD}"])
    # It is lost in the meantime. When the file system answers, the latest wish counts.
    assert given.settle({}, OF, 0.5).unsettled == {DEAD}
    answer.set()
    closed = GROUPS.gate(gates.Gate({0: 7}, by_name=True))
    assert waited(lambda: gate(tmp_path / DEAD) == closed)
    assert waited(lambda: not threads())
    assert given.settle({}, OF, PATIENCE).problems == []
    assert gates.recall()[DEAD] == gates.Gate({0: 7}, by_name=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change file owners")
def test_error_of_a_file_system_closes_a_workspace(
    tmp_path: Path, answer: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A play must not take it for open, because its earlier list may still be there."""
    answer.set()
    given = GivenAccess(str(tmp_path))
    given.load()
    given.settle({}, OF, PATIENCE)

    def fails(*_arguments: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(posix_acl, "write", fails)
    given.note("daemon", "daemon", {DEAD: WRITE})
    monkeypatch.setattr(os, "fchown", fails)
    assert given.settle({"daemon": {DEAD: WRITE}}, OF, PATIENCE).unsettled == {DEAD}
    assert gates.recall()[DEAD].closed == "Input/output error"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as a hub with workspaces does")
def test_hub_goes_on_and_tries_again(
    tmp_path: Path, answer: threading.Event, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The hub starts, looks after the other workspace, and settles the silent one when it answers. The log has one line."""
    for name, seconds in (("START_SECONDS", 2), ("AGAIN_SECONDS", 0.5), ("LOOK_SECONDS", 2)):
        monkeypatch.setattr(workspaces, name, seconds)
    monkeypatch.setattr(workspaces, "NOTICE", str(tmp_path / "state/unavailable.txt"))
    monkeypatch.setattr(workspaces, "numbers_of", lambda workspace: GROUPS)
    caplog.set_level(logging.INFO)
    projects: list[dict[str, Any]] = [
        {"name": name, "account": "root", "manage": {}, "edit": {}, "workspaces": [{"name": "files"}]}
        for name in ("rain", "snow")
    ]
    known = Workspaces(str(tmp_path), "/mount", projects, "", 0)
    query = SimpleNamespace(filter=lambda *_: [])
    hub = SimpleNamespace(
        log=logging.getLogger("hub"),
        db=SimpleNamespace(query=lambda *_: query),
        authenticator=SimpleNamespace(normalize_username=str),
    )
    walked: list[set[str]] = []

    async def walk(workspaces: Any, lost: Any) -> str:
        walked.append({*workspaces})
        return ""

    monkeypatch.setattr(known, "_walk", walk)

    async def live() -> None:
        begun = time.monotonic()
        known.begin(hub)
        await known.repair(known.workspaces)
        assert await known._missing({WELL: WRITE, DEAD: WRITE}) == {DEAD: "it does not answer"}
        assert time.monotonic() - begun < LONG / 2
        assert waited(lambda: threads() == [f"workspace {DEAD}"])
        answer.set()
        end = time.monotonic() + PATIENCE
        while gates.recall()[DEAD].closed and time.monotonic() < end:
            await asyncio.sleep(0.1)

    asyncio.run(live())
    assert walked == [{WELL}]
    assert not gates.recall()[DEAD].closed
    assert [record.message for record in caplog.records if record.name == "hub"] == [
        "Workspace snow/files cannot be given or taken away: it does not answer",
        "All workspaces are as they should be again",
    ]


def test_walk_that_hangs_keeps_no_other_file_system_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that stops answering during the regular repair gets no second one, and the others get theirs as before."""
    known = Workspaces(str(tmp_path), "/mount", [], "", 0.05 / 60)
    devices = {WELL: 1, DEAD: 2, "hail/files": 1}
    monkeypatch.setattr(Workspaces, "workspaces", dict.fromkeys(devices, "root"))
    monkeypatch.setattr(
        os, "lstat", lambda path: SimpleNamespace(st_dev=devices[os.path.relpath(path, tmp_path)])
    )
    walked: list[list[str]] = []

    async def walk(workspaces: Any, lost: Any) -> str:
        walked.append([*workspaces])
        if DEAD in workspaces:
            await asyncio.sleep(PATIENCE)
        return ""

    monkeypatch.setattr(known, "_walk", walk)

    async def live() -> None:
        running = asyncio.create_task(known._repair_for_ever())
        end = time.monotonic() + PATIENCE
        while walked.count([WELL, "hail/files"]) < 3 and time.monotonic() < end:
            await asyncio.sleep(0.05)
        running.cancel()

    asyncio.run(live())
    assert walked.count([WELL, "hail/files"]) >= 3
    assert walked.count([DEAD]) == 1


def test_many_silent_workspaces_leave_room_for_others() -> None:
    """They do not use up a pool of threads, and each call of the others is made, in order."""
    made: list[int] = []
    never = threading.Event()
    calls = WorkspaceThreads()

    async def live() -> None:
        dead = {f"dead/{number}": lambda: never.wait(LONG) for number in range(40)}
        looked = await calls.answers(dead, 0.3)
        assert all(isinstance(each, Unanswered) for each in looked.values())
        both = [calls.answers({**dead, "well/files": partial(made.append, n)}, PATIENCE) for n in range(20)]
        never.set()
        for looked in await asyncio.gather(*both):
            assert looked["well/files"] is None

    asyncio.run(live())
    assert made == [*range(20)]
    assert waited(lambda: not threads())


def test_what_a_call_raises_is_its_outcome() -> None:
    told = WorkspaceThreads().outcomes({"rain/files": lambda: 1, "snow/files": lambda: 1 // 0}, PATIENCE)
    assert told["rain/files"] == 1 and isinstance(told["snow/files"], ZeroDivisionError)
    assert asyncio.run(WorkspaceThreads().answers({}, PATIENCE)) == {}
