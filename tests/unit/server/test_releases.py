# SPDX-License-Identifier: GPL-3.0-or-later
"""Our rooms work with other releases of jupyter-server-ydoc: the oldest supported one, and the newest, which may be a pre-release.

`make env` looks for a newer release every day, so that breakage is known before it reaches users.
"""

import os
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from jupyterhub_collab.patches.releases import FITS
from jupyterhub_collab.server import protection
from tiers import LONG

ROOT = Path(__file__).parents[3]
FILES = [f"tests/unit/server/test_{name}.py" for name in ("room", "rescue", "late", "yjs_update")]
FILES += map(str, sorted(ROOT.glob("tests/unit/server/test_file_*.py")))
# What our rooms share with jupyter-collaboration's: loading, saving, outside changes, sessions and the file loader.
FEW = "kill_9 or leave_a_file_alone or is_merged or by_hand or another_history or ends_no_other or undeleted or cell_that_goes"
ALL = (
    f"{FEW} or nobody_comes_back or nobody_is_there or can_be_saved or timeline or tells_who"
    # A selection of what happens to files: links, moves, deletions, cells and other servers.
    " or long_before or link_that_is_moved or moved_while_the_server or cell_by_cell or past_the_server"
    # How text is rescued that two people, or a killed server, would lose: releases of pycrdt differ there.
    " or rescue or late or yjs_update"
)


def test_each_word_chooses_a_test() -> None:
    """Nobody would notice a word that chooses none, such as part of the name that a test had before."""
    names = [name for file in FILES for name in re.findall(r"def (test_\w+)", (ROOT / file).read_text())]
    chosen = {word: [name for name in names if word in name] for word in ALL.split(" or ")}
    files = ["rescue", "late", "yjs_update"]  # words that choose files
    assert [word for word, found in chosen.items() if not found and word not in files] == []


@pytest.mark.long
@pytest.mark.parametrize("release", ["oldest", "newest"])
def test_rooms_work_with_other_releases(release: str) -> None:
    beside = ROOT / ".cache/beside" / release
    there = {each.name: each.version for each in distributions(path=[str(beside)])}
    assert there, f"{beside} is empty: run `make env`"
    fitting = {name: fits[0][0] for name, fits in FITS.items()}
    assert protection.problem_with({**fitting, **there}) == "", "update FITS, and PARTS_FOR_LAB in the play"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *FILES, "-k", ALL if LONG else FEW],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(beside)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{there}\n{done.stdout[-4000:]}"
    assert " passed" in done.stdout
