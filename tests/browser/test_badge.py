# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement V3: what JupyterLab's top bar tells alice and bob about the server that they share, and who is on it."""

import pytest
from playwright.sync_api import Browser, Locator, expect

from browser.keys import tab_to
from browser.lab import Lab, come
from browser.windows import window

FILE = "Rain.ipynb"


def people(lab: Lab) -> Locator:
    """The list that the badge opens."""
    return lab.page.get_by_role("dialog", name="shared's server")


@pytest.fixture(scope="module", autouse=True)
def notebook(alice: Lab, bob: Lab) -> None:
    """Have Welcome.ipynb open in both windows."""
    for lab in (alice, bob):
        lab.open("Welcome.ipynb")
        lab.close_others()


def test_badge_says_whose_server_this_is_and_who_is_here(alice: Lab, bob: Lab) -> None:
    """Each window says whose server it shows, and that two people are here, by their initials."""
    for lab in (alice, bob):
        expect(lab.badge).to_have_accessible_name("shared's server. 2 people here")
        expect(lab.badge.locator(".jp-CollabAvatar")).to_have_count(2)


def test_one_click_shows_who_is_in_which_document_and_another_opens_it(alice: Lab, bob: Lab) -> None:
    bob.open(FILE)
    alice.badge.click()
    his = people(alice).get_by_role("listitem").filter(has_text="bob")
    expect(his).to_contain_text(FILE)
    his.get_by_role("button", name=FILE).click()
    expect(people(alice)).to_be_hidden()
    alice.expect_open(FILE)


def test_list_and_share_button_are_reached_by_keyboard(bob: Lab) -> None:
    """Tab leads to the badge, and arrow keys from there to what follows it in the top bar."""
    tab_to(bob.badge)
    bob.page.keyboard.press("Enter")
    expect(people(bob)).to_be_visible()
    bob.page.keyboard.press("Escape")
    expect(people(bob)).to_be_hidden()
    expect(bob.badge).to_be_focused()
    bob.page.keyboard.press("ArrowRight")
    expect(bob.buttons.filter(has_text="Share")).to_be_focused()


def test_own_server_is_called_so(browser: Browser, hub_url: str, passwords: dict[str, str]) -> None:
    page = window(browser)
    own = come(page, f"{hub_url}/hub/spawn/alice", "alice", passwords["alice"])
    expect(own.badge).to_have_accessible_name("Your server. 1 person here")
    page.context.close()
