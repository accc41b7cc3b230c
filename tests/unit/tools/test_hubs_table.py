# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation says which kinds of hubs are tested, and how: the scenarios that it names do what it says."""

import re

import pytest

from scenario import ROOT

TEXT = (ROOT / "docs/how-to/hubs.md").read_text()
ROWS = re.findall(r"^\| (.+?) \| .+? \| (`.+?`) \| (install.*|migration.*) \|$", TEXT, re.M)
# What a row says -> what a test of it contains. Molecule itself runs the play a second time.
EVIDENCE = {
    "two people": r"edit_together\(",
    "`verify`": r"verified\(|play\(\"verify\"",
    "removal": r"absent",
    "change of modes": r"share_all_users=|share_all_users\":",
    "both modes": r"share_all_users=",
    "sharing page": r"sharing",
    "`tljh-config`": r"tljh-config",
}
SEQUENCE = r"test_sequence: *\[[^]]*\]"


def scenarios(named: str) -> str:
    """Return the texts of scenarios: their tests and their Molecule files."""
    places = [ROOT / "molecule" / name for name in re.findall("`(.+?)`", named)]
    return "".join(
        path.read_text()
        for place in places
        for path in sorted([*place.glob("test_*.py"), place / "molecule.yml"])
    )


def test_table_is_found() -> None:
    assert len(ROWS) == len(re.findall(r"^\| .* \| (?:install|migration)", TEXT, re.M)) > 5


@pytest.mark.parametrize(("kind", "named", "does"), ROWS, ids=[row[1] for row in ROWS])
def test_scenarios_do_what_the_table_says(kind: str, named: str, does: str) -> None:
    found = scenarios(named)
    for what, evidence in EVIDENCE.items():
        assert what not in does or re.search(evidence, found), (kind, what)
    # A scenario with a sequence of its own may leave the second run out.
    runs_twice = len(re.findall(SEQUENCE, found)) < found.count("platforms:") or re.search(
        "idempotence|again", found
    )
    assert "second run" not in does or runs_twice, kind
