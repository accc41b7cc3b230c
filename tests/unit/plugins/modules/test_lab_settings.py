# SPDX-License-Identifier: GPL-3.0-or-later
"""What is turned off in an environment is off there, and is on where a directory in front says so."""

import json
import os
import subprocess
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.modules import lab_settings

PARAMS: dict[str, Any] = {
    "python": "/lab/bin/python",
    "name": "collab-rtc",
    "settings": {},
    "disabled_extensions": [],
    "disabled_server_extensions": [],
    "state": "present",
}


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.dumps(["/lab/overrides.d", "/lab/labconfig/page_config.d", "/lab/jupyter_server_config.d"])
    done = subprocess.CompletedProcess([], 0, stdout=f"{told}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: done)


def wanted(**params: Any) -> dict[str, Any]:
    files = lab_settings.wanted(PARAMS | params)
    return {os.path.relpath(path, "/lab"): json.loads(text) for path, text in files.items() if text}


def test_extensions_of_page_and_server_are_off() -> None:
    off = wanted(disabled_extensions=["@x/y"], disabled_server_extensions=["x"])
    assert off == {
        "labconfig/page_config.d/collab-rtc.json": {"disabledExtensions": {"@x/y": True}},
        "jupyter_server_config.d/zz-collab-rtc.json": {"ServerApp": {"jpserver_extensions": {"x": False}}},
    }


def test_nothing_to_say_leaves_no_file() -> None:
    assert wanted() == {}
    assert wanted(state="absent", disabled_extensions=["@x/y"], disabled_server_extensions=["x"]) == {}
    assert len(lab_settings.wanted(PARAMS)) == 3


def test_file_of_the_server_is_read_after_those_of_packages() -> None:
    """Jupyter takes them in the order of their names, and the last one counts."""
    (name,) = (path for path in wanted(disabled_server_extensions=["x"]) if "server" in path)
    assert os.path.basename(name) > "jupyter_server_ydoc.json"
