# SPDX-License-Identifier: GPL-3.0-or-later
"""The marked block goes in and comes out, and every byte of the administrator's file is as it was (requirement 1)."""

import runpy
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import config_block
from traitlets.config.loader import Config, PyFileConfigLoader

DIRECTORY = "/etc/hub/jupyterhub_collab.d"
FILES = {
    "empty": b"",
    "one line": b"c.JupyterHub.port = 8000\n",
    "no newline at the end": b"c.JupyterHub.port = 8000",
    "comment without newline": b"# the end",
    "empty lines at the end": b"c.JupyterHub.port = 8000\n\n\n",
    "Windows line endings": b"c.JupyterHub.port = 8000\r\nc.JupyterHub.ip = ''\r\n",
    "Windows line endings, no newline at the end": b"a = 1\r\nb = 2",
    "old Mac line endings": b"a = 1\rb = 2\r",
    "byte-order mark": b"\xef\xbb\xbfc.JupyterHub.port = 8000\n",
    "not UTF-8": b"# -*- coding: latin-1 -*-\nname = '\xe9'\n",
    "another tool's block": b"# BEGIN ANSIBLE MANAGED BLOCK\nx = 1\n# END ANSIBLE MANAGED BLOCK\n",
}


@pytest.mark.parametrize("main", FILES.values(), ids=FILES.keys())
def test_block_comes_out_without_a_trace(main: bytes) -> None:
    there = config_block.with_block(main, DIRECTORY)
    assert there.startswith(main)
    assert config_block.without_block(there) == main


@pytest.mark.parametrize("main", FILES.values(), ids=FILES.keys())
def test_second_time_changes_nothing(main: bytes) -> None:
    there = config_block.with_block(main, DIRECTORY)
    assert config_block.with_block(there, DIRECTORY) == there


def test_block_moves_to_the_end_again() -> None:
    there = config_block.with_block(b"a = 1\n", DIRECTORY) + b"a = 2\n"
    moved = config_block.with_block(there, DIRECTORY)
    assert moved == config_block.with_block(b"a = 1\na = 2\n", DIRECTORY)


def test_block_runs_the_fragments_with_what_stands_above(tmp_path: Path) -> None:
    """The block runs the fragments in the order of their names, with the `c` of the file, as a hub does."""
    fragments = tmp_path / "jupyterhub_collab.d"
    fragments.mkdir()
    (fragments / "20-second.py").write_text("c.Test.order = c.Test.order + [2]\n")
    (fragments / "10-first.py").write_text("c.Test.order = c.Test.order + [1]\n")
    main = tmp_path / "hub.py"
    for text in (
        b"c.Test.order = [0]",
        b"\xef\xbb\xbfc.Test.order = [0]\r\n",
        b"def get_config(key):\n    return key\nc.Test.order = [0]\n",
        b"c.Test.order = [0]\nc = get_config = None\n",
        b"c.Test.order = [0]\nfor c in 'abc':\n    pass\n",
        b"class Loader:\n    config = None\nself = Loader()\nc.Test.order = [0]\n",
    ):
        main.write_bytes(config_block.with_block(text, str(fragments)))
        config = PyFileConfigLoader("hub.py", str(tmp_path)).load_config()
        assert config.Test.order == [0, 1, 2]


def test_path_of_the_file_is_no_pattern(tmp_path: Path) -> None:
    """A directory whose name contains brackets is found."""
    fragments = tmp_path / "hub [2026]" / "jupyterhub_collab.d"
    fragments.mkdir(parents=True)
    (fragments / "10.py").write_text("c.Test.order = [1]\n")
    main = fragments.parent / "hub.py"
    main.write_bytes(config_block.with_block(b"", str(fragments)))
    assert PyFileConfigLoader(str(main)).load_config().Test.order == [1]


def test_blocks_of_another_tool_are_superseded() -> None:
    marker = "# {mark} ANSIBLE MANAGED BLOCK -- Jupyter RTC"
    old = (
        b"# BEGIN ANSIBLE MANAGED BLOCK -- Jupyter RTC\nc.x = 1\n# END ANSIBLE MANAGED BLOCK -- Jupyter RTC\n"
    )
    assert (
        config_block.without_foreign_blocks(b"a = 1\n\n" + old + b"\nb = 2\n", [marker])
        == b"a = 1\n\n\nb = 2\n"
    )
    assert config_block.without_foreign_blocks(b"a = 1\n", [marker]) == b"a = 1\n"


def test_block_in_a_file_that_another_one_runs(tmp_path: Path) -> None:
    """The block also works if another file runs the main one, by `exec`, as a subconfig, or with a `c` but without a loader."""
    fragments = tmp_path / "jupyterhub_collab.d"
    fragments.mkdir()
    (fragments / "10.py").write_text("c.Test.order = c.Test.order + [1]\n")
    main = tmp_path / "hub.py"
    main.write_bytes(config_block.with_block(b"c.Test.order = [0]\n", str(fragments)))
    for text in (f"exec(open({str(main)!r}).read())", f"load_subconfig({str(main)!r})"):
        (tmp_path / "outer.py").write_text(f"{text}\n")
        assert PyFileConfigLoader("outer.py", str(tmp_path)).load_config().Test.order == [0, 1]
    config = Config()
    runpy.run_path(str(main), {"c": config})
    assert config.Test.order == [0, 1]


@pytest.mark.parametrize(
    ("told", "file"), [("hub.json", "hub.py"), ("hub.py", "hub.py"), ("hub.cfg", "hub.cfg")]
)
def test_file_for_the_block(tmp_path: Path, told: str, file: str) -> None:
    assert config_block.python_file(str(tmp_path / told)) == str(tmp_path / file)
