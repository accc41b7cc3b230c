# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation says which kinds of hubs are tested, and how: the scenarios that it names do what it says."""

import re

import pytest

from scenario import ROOT

TEXT = (ROOT / "docs/how-to/hubs.md").read_text()
ROWS = re.findall(r"^\| (.+?) \| .+? \| (`.+?`) \| (?:install|migration), (.*) \|$", TEXT, re.M)
# What a row can say -> what its scenarios contain if it is true.
EVIDENCE = {
    "second run": r"- idempotence\n|\(again\.code, again\.changed\) == \(0, 0\)",
    "two people": r"edit_together\(|def test_two_people_edit",
    "`verify`": r"verified\(|play\(\"verify\"",
    "removal": r"_state(=|\": )\"absent\"",
    "change": r"undisturbed\(",
    "change of modes": r"share_all_users(=|\":)",
    "both modes and back": r"share_all_users=",
    "sharing page": r"make_link\(",
    "`tljh-config`": r"tljh-config set",
    "a hub that hangs": r"--signal=STOP",
    "projects": r"def test_project_with_members",
    "a project": r"def test_project_has_a_container",
    "a stop and a kill": r"(?s)def test_stop_costs_nobody_a_tab.*def test_killed_container",
    "limits": r"def test_limits_reach_the",
    "an image without the package": r"def test_image_without_the_package",
    "an unprepared node": r"def test_unprepared_node",
    "`scancel`": r"def test_scancel",
    "drain": r"def test_drain",
    "requeue": r"def test_requeue",
    "a node that fails": r"def test_node_fails",
}
COMMON = (ROOT / ".config/molecule/config.yml").read_text()


def scenarios(named: str) -> str:
    """Return the texts of scenarios: their tests, and the steps that Molecule takes."""
    found = []
    for place in (ROOT / "molecule" / name for name in re.findall("`(.+?)`", named)):
        own = (place / "molecule.yml").read_text()
        found += [path.read_text() for path in sorted(place.glob("test_*.py"))]
        found += [own if "test_sequence:" in own else COMMON]
    return "".join(found)


def test_table_is_found() -> None:
    assert len(ROWS) == len(re.findall(r"^\| .* \| (?:install|migration)", TEXT, re.M)) > 5


@pytest.mark.parametrize(("kind", "named", "does"), ROWS, ids=[row[1] for row in ROWS])
def test_scenarios_do_what_the_table_says(kind: str, named: str, does: str) -> None:
    found = scenarios(named)
    for what in does.split(", "):
        assert re.search(EVIDENCE[what], found), (kind, what)
