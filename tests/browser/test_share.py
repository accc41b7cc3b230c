# SPDX-License-Identifier: GPL-3.0-or-later
"""Alice shares a document with bob on the server that both may use. How she shares her own server is in test_sharing.py."""

import pytest
from playwright.sync_api import expect

from browser.lab import Lab

FILE = "Rain.ipynb"


@pytest.fixture(scope="module", autouse=True)
def notebook(alice: Lab) -> None:
    """Have only Rain.ipynb open in alice's window."""
    alice.open(FILE)
    alice.close_others()


@pytest.mark.parametrize("way", ["button", "menu", "command"])
def test_link_to_the_open_document_is_copied_at_once(way: str, alice: Lab) -> None:
    """On a server that both may use, the button, the menu and the command copy a link to the open document, and say who can open it."""
    if way == "button":
        alice.buttons.filter(has_text="Share").click()
    elif way == "menu":
        alice.show_menu("File")
        alice.page.get_by_role("menuitem", name="Copy Link to This Document", exact=True).click()
    else:
        alice.run_command("Copy Link to This Document")
    notice = alice.page.locator(".Toastify__toast", has_text=f"Link to {FILE} copied")
    expect(notice).to_contain_text("It opens for people who have access to shared's server")
    assert alice.copied.endswith(f"/user/shared/lab/tree/{FILE}")
    notice.locator(".Toastify__close-button, button").first.click()
    expect(notice).to_have_count(0)


def test_link_opens_the_document(alice: Lab, bob: Lab) -> None:
    alice.buttons.filter(has_text="Share").click()
    expect(alice.page.locator(".Toastify__toast", has_text="copied")).to_be_visible()
    bob.page.goto(alice.copied)
    Lab(bob.page, "bob").expect_open(FILE)
