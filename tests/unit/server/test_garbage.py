# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a server looks for garbage while it starts, and after that."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_collab.server import garbage
from local_hub import wait_until
from local_server import LocalServer

# Configuration of a server that records how often it looks for garbage.
WATCH = """
import gc, json, threading, time

def watch():
    while True:
        with open({file!r}, "a") as file:
            file.write(json.dumps(gc.get_threshold()) + "\\n")
        time.sleep(0.01)

threading.Thread(target=watch, daemon=True).start()
"""


@pytest.fixture
def usual() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)
    garbage._usual.clear()


def test_usual_threshold_comes_back(usual: tuple[int, int, int]) -> None:
    garbage.look_as_usual()
    assert gc.get_threshold() == usual
    for _twice in range(2):
        garbage.look_rarely()
        assert gc.get_threshold() == (garbage.RARELY, *usual[1:])
    garbage.look_as_usual()
    assert gc.get_threshold() == usual


def test_server_looks_rarely_only_while_it_starts(tmp_path: Path) -> None:
    server = LocalServer(tmp_path)
    seen = tmp_path / "seen"
    config = server.state / "none/jupyter_server_config.py"
    config.parent.mkdir(parents=True)
    config.write_text(WATCH.format(file=str(seen)))

    def thresholds() -> list[int]:
        return [json.loads(line)[0] for line in seen.read_text().splitlines()]

    try:
        server.start()
        wait_until(lambda: thresholds()[-1] == gc.get_threshold()[0])
        assert garbage.RARELY in thresholds()
        at = len(thresholds())
        wait_until(lambda: len(thresholds()) > at + 20)
        assert {*thresholds()[at:]} == {gc.get_threshold()[0]}
    finally:
        server.kill()
