# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement V4: what a window says while it is not connected. That a server stops or access ends is in test_two_people.py and test_sharing.py."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from browser.conftest import open_copy
from browser.lab import Lab, come
from browser.sharing import faint_texts
from browser.windows import window

NOTEBOOK = "Offline.ipynb"
SECOND = 2
SIZES: list[ViewportSize] = [{"width": 1280, "height": 800}, {"width": 390, "height": 800}]


@pytest.fixture(scope="module", autouse=True)
def notebook(alice: Lab, bob: Lab) -> None:
    """Have only Offline.ipynb open in both windows."""
    open_copy(NOTEBOOK, alice, bob)


def test_offline_window_says_so_and_takes_no_key(alice: Lab, bob: Lab) -> None:
    """Alice types on while she is offline. A banner says that her text is kept, and goes when it has been sent."""
    alice.cell(SECOND).type("# before")
    alice.page.context.set_offline(True)
    try:
        expect(alice.banner).to_contain_text("You are offline. What you type is kept in this tab")
        alice.page.keyboard.type(", and while offline")
        expect(alice.cell(SECOND).text).to_contain_text("# before, and while offline")
    finally:
        alice.page.context.set_offline(False)
    expect(alice.banner).to_be_hidden()
    expect(bob.cell(SECOND).text).to_contain_text("# before, and while offline")
    expect(alice.dialogs).to_have_count(0)


def test_proxy_that_answers_for_the_server_is_not_taken_for_it(alice: Lab, bob: Lab) -> None:
    """While a hub restarts with its proxy, the proxy answers 404 for each server. No dialog says that a directory does not exist."""
    server = re.compile(r"/user/[^/]+/api/")
    alice.page.context.route(
        server, lambda route: route.fulfill(status=404, content_type="", body="Not Found")
    )
    try:
        alice.page.get_by_title("Refresh the file browser.").click()
        expect(alice.banner).to_contain_text("This server does not answer")
        alice.cell(SECOND).type(", behind a proxy")
    finally:
        alice.page.context.unroute(server)
    expect(alice.banner).to_be_hidden()
    expect(bob.cell(SECOND).text).to_contain_text(", behind a proxy")
    expect(alice.dialogs).to_have_count(0)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_banner_can_be_read(
    size: ViewportSize, browser: Browser, entry: str, passwords: dict[str, str], screenshots: Path
) -> None:
    """The whole banner is in the window, with enough contrast, in wide and narrow windows. Its colors are the same in all themes."""
    page = window(browser, size, scale=1)
    lab = come(page, entry, "alice", passwords["alice"])
    page.context.set_offline(True)
    expect(lab.banner).to_be_visible()
    box = lab.banner.locator("span").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert faint_texts(lab.banner) == []
    page.screenshot(path=screenshots / f"offline-{size['width']}.png")
    page.context.set_offline(False)
    expect(lab.banner).to_be_hidden()
    page.context.close()
