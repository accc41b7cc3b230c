# SPDX-License-Identifier: GPL-3.0-or-later
"""What alice and bob see of each other in JupyterLab on the shared server."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from browser.lab import Lab

FIRST, SECOND, THIRD = 1, 2, 3  # the code cells of Welcome.ipynb, below its heading


@pytest.fixture(scope="module", autouse=True)
def welcome(alice: Lab, bob: Lab) -> None:
    """Both have Welcome.ipynb open, and nothing else."""
    for lab in (alice, bob):
        lab.open("Welcome.ipynb")
        lab.close_others()


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_entry_address_leads_to_jupyterlab(who: str, request: pytest.FixtureRequest) -> None:
    """Requirement 12: /hub/spawn/shared works whether the server runs (bob comes to that) or not (alice did)."""
    lab: Lab = request.getfixturevalue(who)
    assert urlsplit(lab.page.url).path.startswith("/user/shared/lab")
    expect(lab.page.get_by_role("heading", name="Welcome")).to_be_visible()


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_own_initials_are_top_right(who: str, request: pytest.FixtureRequest) -> None:
    """Requirement 43: own initials top right."""
    lab: Lab = request.getfixturevalue(who)
    expect(lab.badge).to_have_text(who[0], ignore_case=True)
    box, window = lab.badge.bounding_box(), lab.page.viewport_size
    assert box and window
    assert box["x"] > window["width"] - 60
    assert box["y"] < 30


def test_panel_lists_both(alice: Lab, bob: Lab) -> None:
    """Requirement 44: the panel lists the collaborators present: oneself above, below it everybody else."""
    for one, other in ((alice, bob), (bob, alice)):
        one.show_panel("Collaboration")
        expect(one.page.locator(".jp-UserInfoPanel .jp-UserInfo-Icon")).to_have_attribute("title", one.name)
        expect(one.collaborators).to_have_count(1)
        expect(one.collaborators).to_contain_text(other.name)


def test_each_sees_what_the_other_types(alice: Lab, bob: Lab) -> None:
    """Requirement 42: each other's edits live."""
    alice.cell(FIRST).type("# alice was here")
    expect(bob.cell(FIRST).text).to_have_text("# alice was here")
    bob.cell(FIRST).type(", and so was bob")
    expect(alice.cell(FIRST).text).to_have_text("# alice was here, and so was bob")


def test_each_sees_the_other_ones_cursor_and_name(alice: Lab, bob: Lab) -> None:
    """Requirement 67: cursors: a name at each, and the colour that its owner has."""
    alice.cell(SECOND).type("# a")
    bob.cell(THIRD).type("# b")
    for one, other, index in ((alice, bob, THIRD), (bob, alice, SECOND)):
        seen = one.cell(index)
        expect(seen.cursors).to_have_count(1)
        cursor, flag = seen.cursors.bounding_box(), one.flag(other.name).bounding_box()
        assert cursor and flag
        assert abs(flag["x"] - cursor["x"]) < 20
        assert 0 < cursor["y"] - flag["y"] < 40
        expect(seen.cursors).to_have_css("border-left-color", other.colour)
        # Nobody is where the other one is not.
        expect(one.cell(FIRST).cursors).to_have_count(0)


def test_execution_is_shared(alice: Lab, bob: Lab) -> None:
    """Requirement 69: execution is shared: one kernel, everyone sees the output."""
    alice.cell(SECOND).type("\nanswer = 6 * 7\nprint('alice got', answer)")
    alice.cell(SECOND).run()
    expect(bob.cell(SECOND).output).to_have_text("alice got 42")
    bob.cell(THIRD).type("\nprint('bob got', answer + 1)")
    bob.cell(THIRD).run()
    expect(alice.cell(THIRD).output).to_have_text("bob got 43")
