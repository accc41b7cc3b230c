# SPDX-License-Identifier: GPL-3.0-or-later
"""The hooks that an administrator or an extension makes Jupyter Server run at each save do what they do without this package."""

import asyncio
import json
from pathlib import Path

import pytest

from local_server import PATIENCE, come_back, server_with
from open_files import copies, notebook, told, until, until_text, words
from tiers import some_long

pytestmark = pytest.mark.anyio

HOOKS = """
def new_output(model, **_more):
    for cell in model["content"]["cells"]:
        cell["outputs"] = []


def same_output(model, **_more):
    for cell in model["content"]["cells"]:
        cell["outputs"].clear()


def part_of_output(model, **_more):
    for cell in model["content"]["cells"]:
        del cell["outputs"][0]["text"]
        cell["outputs"][0].update(output_type="error", ename="", evalue="", traceback=[])


def strip(model, **_more):
    lines = model["content"].splitlines()
    model["content"] = "".join(line.rstrip() + "\\n" for line in lines)


def fail(**_more):
    raise RuntimeError("the exporter is missing")
"""
PRE_SAVE = "--FileContentsManager.pre_save_hook=of_test."
POST_SAVE = "--FileContentsManager.post_save_hook=of_test."
SHOWN = {"output_type": "stream", "name": "stdout", "text": "shown"}


@pytest.mark.parametrize(
    "hook", some_long(["new_output", "same_output", "part_of_output"], short=["part_of_output"])
)
async def test_what_a_hook_removes_is_not_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    """A hook may change the model's content itself, or replace parts of it. People keep the output that they see."""
    with server_with(tmp_path, monkeypatch, HOOKS, PRE_SAVE + hook) as server:
        server.write("work.ipynb", json.dumps(notebook("one", "two", outputs=[SHOWN]), indent=3))
        alice = await server.open("work.ipynb")
        async with told(server) as notices:
            alice.insert(0, "typed ", 0)
            await server.until_file("work.ipynb", "typed one")
            written = server.read("work.ipynb")
            assert "shown" not in written and '\n   "cells"' in written
            saved = (server.files / "work.ipynb").stat().st_ctime_ns
            await asyncio.sleep(3)
            assert (server.files / "work.ipynb").stat().st_ctime_ns == saved, "it is saved again and again"
            server.end()
            server.start()
            await come_back(alice)
            assert words(alice) == "typed one\ntwo"
            assert all(cell["outputs"][0]["text"] == "shown" for cell in alice.cells)
            server.write("work.ipynb", written.replace('"two"', '"two from git"'))
            await until_text(alice, "typed one\ntwo from git")
            alice.insert(0, "more ", 0)
            await server.until_file("work.ipynb", "more typed one", "two from git")
            assert not notices and not copies(server)


async def test_a_text_that_a_hook_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server_with(tmp_path, monkeypatch, HOOKS, PRE_SAVE + "strip") as server:
        alice = await server.open("notes.txt")
        async with told(server) as notices:
            alice.insert(0, "typed  \n")
            await server.until_file("notes.txt", "typed\none\n")
            assert alice.text == "typed  \none\n"
            server.write("notes.txt", "typed\none\nfrom git\n")
            await until_text(alice, "typed\none\nfrom git\n")
            assert not notices and not copies(server)


@pytest.mark.parametrize("name", ["notes.txt", "work.ipynb"])
async def test_a_hook_that_fails_after_a_save_leaves_the_file_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with server_with(tmp_path, monkeypatch, HOOKS, POST_SAVE + "fail") as server:
        server.write("work.ipynb", json.dumps(notebook("one")))
        alice = await server.open(name)
        cell = 0 if name == "work.ipynb" else None
        async with told(server) as notices:
            alice.insert(0, "typed ", cell)
            await until(lambda: "a hook failed" in server.log)
            assert "typed one" in server.read(name)
            alice.insert(0, "more ", cell)
            assert await alice.save(PATIENCE) == "success"
            assert "more typed one" in server.read(name)
            assert not notices
