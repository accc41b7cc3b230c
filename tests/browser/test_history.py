# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people edit a notebook. One looks back, restores a cell and then everything, and undoes it. The other sees it, and nothing is lost."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from browser.conftest import open_copy
from browser.lab import Lab

FILE = "History.ipynb"
FIRST, SECOND = 1, 2  # code cells, below the heading
HERS, HIS = "# alice was here", "# and so was bob"
LATER = 20_000  # milliseconds until a change has reached the other window


@pytest.fixture(scope="module", autouse=True)
def edited(alice: Lab, bob: Lab) -> None:
    """Have a new notebook open in both windows, in which each has typed something."""
    open_copy(FILE, alice, bob)
    alice.cell(FIRST).type(HERS)
    bob.cell(SECOND).type(HIS)
    for lab in (alice, bob):
        expect_text(lab, FIRST, HERS)
        expect_text(lab, SECOND, HIS)


def expect_text(lab: Lab, index: int, text: str) -> None:
    expect(lab.cell(index).text).to_have_text(text, timeout=LATER)


def panel(lab: Lab) -> Locator:
    return lab.page.get_by_role("region", name="History")


def version(lab: Lab) -> Locator:
    """What the document was, in its own tab."""
    return lab.page.locator(".jp-CollabVersion")


def look(lab: Lab, entry: str = "") -> None:
    """Choose an entry of the list, or the latest: on a slow machine, there may be several of the same people."""
    panel(lab).get_by_role("button", name="Refresh").click()
    panel(lab).get_by_role("listitem").get_by_role("button", name=entry).first.click()
    expect(version(lab).locator("section").first).to_be_visible()


def cell_of(lab: Lab, index: int) -> Locator:
    return version(lab).locator("section").nth(index)


def confirm(lab: Lab, question: str) -> None:
    expect(lab.dialogs).to_contain_text(question)
    lab.dialogs.get_by_role("button", name="Restore").click()
    expect(lab.dialogs).to_have_count(0)


def notice(lab: Lab, text: str) -> Locator:
    return lab.page.locator(".Toastify__toast", has_text=text).last


def test_history_says_who_and_when_and_is_reached_by_keyboard(alice: Lab, screenshots: Path) -> None:
    """Requirement V6: the command palette opens the list, which says who changed the document; keys choose an entry and leave it."""
    alice.run_command("Show History")
    entry = panel(alice).get_by_role("button", name="alice, bob")
    expect(entry).to_contain_text("changes")
    entry.focus()
    alice.page.keyboard.press("Enter")
    expect(version(alice)).to_be_focused()
    expect(cell_of(alice, FIRST).locator("ins")).to_have_text(HERS)
    expect(cell_of(alice, SECOND).locator("ins")).to_have_text(HIS)
    expect(cell_of(alice, 0)).to_have_attribute("data-change", "same")
    alice.page.screenshot(path=screenshots / "history.png")
    alice.page.keyboard.press("Escape")
    expect(version(alice)).to_have_count(0)
    expect_text(alice, FIRST, HERS)


def test_badge_and_menu_lead_to_the_history(bob: Lab) -> None:
    bob.badge.click()
    bob.page.get_by_role("button", name="History of this document").click()
    expect(panel(bob).get_by_role("button", name="alice, bob")).to_be_visible()
    bob.show_menu("File")
    expect(bob.page.get_by_role("menuitem", name="Show History")).to_be_visible()
    bob.page.keyboard.press("Escape")
    bob.page.keyboard.press("Escape")


def test_looking_back_changes_nothing_and_has_a_way_out(alice: Lab, bob: Lab) -> None:
    """While alice looks back, keys change nothing, and bob's new words are there when she returns."""
    look(alice, "The history begins")
    expect(version(alice)).not_to_contain_text(HERS)
    expect(version(alice).locator("[contenteditable], textarea, input")).to_have_count(0)
    cell_of(alice, 0).locator("pre").click()
    alice.page.keyboard.type("typed into the past")
    bob.cell(SECOND).type(" later")
    version(alice).get_by_role("button", name="Back to the document").click()
    expect(version(alice)).to_have_count(0)
    expect_text(alice, SECOND, f"{HIS} later")
    for lab in (alice, bob):
        expect_text(lab, FIRST, HERS)
        expect(lab.page.get_by_text("typed into the past")).to_have_count(0)


def test_one_cell_is_restored_for_everyone_and_undone(alice: Lab, bob: Lab) -> None:
    """bob's cell stays. bob is told who did it. The notice takes it back, and so does Control+Z in the cell."""
    look(alice, "The history begins")
    cell_of(alice, FIRST).get_by_role("button", name="Restore this cell").click()
    confirm(alice, "Restore this cell?")
    for lab in (alice, bob):
        expect_text(lab, FIRST, "")
        expect_text(lab, SECOND, f"{HIS} later")
    expect(notice(bob, "alice restored an earlier version of a cell")).to_be_visible()
    notice(alice, "was restored").get_by_role("button", name="Undo").click()
    for lab in (alice, bob):
        expect_text(lab, FIRST, HERS)
    look(alice, "The history begins")
    cell_of(alice, FIRST).get_by_role("button", name="Restore this cell").click()
    confirm(alice, "Restore this cell?")
    expect_text(bob, FIRST, "")
    alice.cell(FIRST).enter()
    alice.page.keyboard.press("Control+z")
    for lab in (alice, bob):
        expect_text(lab, FIRST, HERS)


def test_cancelled_restore_changes_nothing(alice: Lab) -> None:
    look(alice, "The history begins")
    version(alice).get_by_role("button", name="Restore everything").click()
    alice.dialogs.get_by_role("button", name="Cancel").click()
    expect(alice.dialogs).to_have_count(0)
    alice.page.keyboard.press("Escape")
    version(alice).get_by_role("button", name="Back to the document").or_(
        alice.cell(FIRST).text
    ).first.click()
    expect_text(alice, FIRST, HERS)


def test_everything_is_restored_while_another_person_types(alice: Lab, bob: Lab) -> None:
    """What bob types while alice is asked stays. What was there before is in the history, from which he restores it."""
    look(alice, "The history begins")
    version(alice).get_by_role("button", name="Restore everything").click()
    expect(alice.dialogs).to_contain_text("Restore everything?")
    bob.cell(SECOND).enter()
    alice.dialogs.get_by_role("button", name="Restore").click()
    bob.page.keyboard.type(" still typing", delay=50)
    for lab in (alice, bob):
        expect_text(lab, FIRST, "")
        expect(lab.cell(SECOND).text).to_contain_text("typing", timeout=LATER)
    look(bob)
    expect(version(bob)).to_contain_text("typing")
    bob.page.keyboard.press("Escape")
    expect(version(bob)).to_have_count(0)
