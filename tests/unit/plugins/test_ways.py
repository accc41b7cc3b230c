# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement of the architecture: a variable crosses few files on its way to the hub. docs/explanation/architecture.md lists them."""

import re
from pathlib import Path

import pytest

from scenario import ROOT

DOCUMENT = ROOT / "docs/explanation/architecture.md"
MOST = 8
ROW = re.compile(r"\| `([\w./]+)` \| `([\w.]+)` \| [^|]+ \|")
# What a value is called as long as it is the value of the variable.
NAMES = {
    "share_all_users": r"share_all_users|all_users_mode",
    "longest_link": r"longest_link",
}


def listed(way: str) -> list[tuple[str, str]]:
    """Return the files of a way, each with what to look for there."""
    found = re.search(rf"<!-- way: {way} -->\n(.*?)<!-- end -->", DOCUMENT.read_text(), re.S)
    assert found, way
    rows = [ROW.fullmatch(line) for line in found[1].splitlines()[2:]]
    assert all(rows)
    return [(row[1], row[2]) for row in rows if row]


def code() -> list[Path]:
    """Return the files that run on the way from a playbook to the hub."""
    places = (
        "playbooks/**/*.yml",
        "roles/*/[dmtv]*/*.*",
        "plugins/**/*.py",
        "python/jupyterhub_collab/**/*.py",
    )
    return [path for place in places for path in ROOT.glob(place)]


@pytest.mark.parametrize(("way", "names"), NAMES.items())
def test_variable_crosses_the_listed_files_only(way: str, names: str) -> None:
    rows = listed(way)
    assert len(rows) <= MOST
    assert len({path for path, _word in rows}) == len(rows)
    for path, word in rows:
        assert word in (ROOT / path).read_text(), path
    found = {str(path.relative_to(ROOT)) for path in code() if re.search(names, path.read_text())}
    assert found
    assert found <= {path for path, _word in rows}
