# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement V3: alice follows bob through documents of their shared server, until she does something herself."""

import json

import pytest
from playwright.sync_api import Locator, expect

from browser.conftest import in_container
from browser.lab import Lab

LONG, TEXT = "Long.ipynb", "long.txt"
CELLS, LINES = 40, 300


def line(lab: Lab) -> Locator:
    """What says whom the window follows."""
    return lab.page.get_by_role("region", name="Following")


def follow_bob(alice: Lab) -> None:
    """By keyboard."""
    alice.badge.focus()
    alice.page.keyboard.press("Enter")
    button = alice.page.get_by_role("button", name="Follow bob")
    button.focus()
    alice.page.keyboard.press("Enter")
    expect(line(alice)).to_contain_text("Following bob")
    expect(button).to_be_hidden()


def put(name: str, text: str) -> None:
    in_container("runuser", "-u", "shared", "--", "tee", f"/home/shared/{name}", given=text)


@pytest.fixture(scope="module", autouse=True)
def documents(alice: Lab, bob: Lab) -> None:
    """Make a long notebook and a long text. bob has both open, and alice another notebook."""
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": f"# cell {number}\n" * 5,
        }
        for number in range(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    put(LONG, json.dumps(notebook))
    put(TEXT, "".join(f"line {number}\n" for number in range(LINES)))
    for lab in (alice, bob):
        lab.open("Welcome.ipynb")
        lab.close_others()
    bob.open_file(TEXT)
    bob.show_panel("File Browser")
    bob.page.locator("#filebrowser .jp-DirListing-item", has_text=LONG).dblclick()
    bob.expect_open(LONG)


def test_follows_across_documents_and_within_them(alice: Lab, bob: Lab) -> None:
    follow_bob(alice)
    alice.expect_open(LONG)
    bob.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first.click()
    bob.page.keyboard.press("Escape")
    for _ in range(30):
        bob.page.keyboard.press("j")
    bob.page.keyboard.press("Enter")
    bob.page.keyboard.press("ArrowDown")  # JupyterLab tells others where a cursor is when it moves
    expect(alice.page.get_by_text("# cell 30").first).to_be_in_viewport()
    bob.show(TEXT)
    expect(alice.page.locator(".jp-mod-current[role=tab]", has_text=TEXT)).to_be_visible()
    bob.file.enter()
    expect(alice.page.get_by_text(f"line {LINES - 1}", exact=True)).to_be_in_viewport()
    expect(line(alice)).to_be_visible()


def test_what_she_types_changes_nothing_and_ends_it(alice: Lab, bob: Lab) -> None:
    """A shown notebook does not get the focus. Two d would delete a cell of it."""
    if line(alice).count() == 0:
        follow_bob(alice)
    bob.show(LONG)
    alice.expect_open(LONG)
    alice.page.keyboard.press("d")
    alice.page.keyboard.press("d")
    expect(line(alice)).to_have_count(0)
    bob.show(TEXT)
    bob.file.enter("Home")
    alice.page.wait_for_timeout(2000)
    alice.expect_open(LONG)
    saved = in_container("cat", f"/home/shared/{LONG}")
    assert len(json.loads(saved)["cells"]) == CELLS


@pytest.mark.parametrize("how", ["Escape", "Stop", "click"])
def test_ends_by_escape_by_its_button_and_by_a_click(alice: Lab, how: str) -> None:
    follow_bob(alice)
    if how == "Stop":
        line(alice).get_by_role("button", name="Stop").click()
    elif how == "click":
        alice.page.locator("#jp-main-dock-panel [role=tab]").first.click()
    else:
        alice.page.keyboard.press("Escape")
    expect(line(alice)).to_have_count(0)
