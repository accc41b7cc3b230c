# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths are compared as the system compares them, not by their text."""

from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import paths


@pytest.mark.parametrize(
    "text", ["{0}//hub.py", "{0}/./hub.py", "{0}/sub/../hub.py", "{0}/link/hub.py", "{0}/link.py"]
)
@pytest.mark.parametrize("exists", [True, False])
def test_one_file_by_another_path(tmp_path: Path, text: str, exists: bool) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "link.py").symlink_to("hub.py")
    if exists:
        (tmp_path / "hub.py").write_text("")
    assert paths.same(text.format(tmp_path), f"{tmp_path}/hub.py")
    assert not paths.same(text.format(tmp_path), f"{tmp_path}/sub/hub.py")


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("/etc//hub/", "/etc/hub"),
        ("//", "/"),
        ("/", "/"),
        ("", ""),
        ("system", "system"),
        ("/a/../b/", "/a/../b"),
    ],
)
def test_slashes_that_say_nothing_go(text: str, tidy: str) -> None:
    assert paths.tidy(text) == tidy


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("/a/b", "/a/b", True),
        ("/a/b/", "/a/b/c", True),
        ("/a/b/c", "/a//b", True),
        ("/a/b", "/a/bc", False),
        ("", "/a", False),
    ],
)
def test_directories_that_overlap(one: str, other: str, overlap: bool) -> None:
    assert paths.overlap(one, other) is overlap
