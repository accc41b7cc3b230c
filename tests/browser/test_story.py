# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement 131: two people who know the hub's address and their passwords work together for the first time, and no dialog misleads them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.conftest import in_container
from browser.lab import START_TIMEOUT, TOP, Lab, arrive, log_in
from browser.sharing import SharingPage
from browser.windows import WIDE, window
from scenario import wait_until

FILE, HERS = "Plan.ipynb", "Hers.ipynb"
FIRST, SECOND = 1, 2  # code cells, below the heading
SHARED = "shared's server"


@pytest.fixture(scope="module")
def home(entry: str) -> str:
    return f"{entry.partition('/hub/')[0]}/hub/home"


@pytest.fixture
def newcomers(
    browser: Browser, home: str, passwords: dict[str, str]
) -> Iterator[tuple[tuple[Page, str], tuple[Page, str]]]:
    """Log alice and bob in on the hub's page Home, in browsers that have never been there."""
    pages = [window(browser, WIDE, scale=1) for _who in range(2)]
    for page, name in zip(pages, ("alice", "bob"), strict=True):
        page.goto(home)
        log_in(page, name, passwords[name])
        page.wait_for_url("**/hub/home")
    yield (pages[0], "alice"), (pages[1], "bob")
    for page in pages:
        page.context.close()


def enter(page: Page, name: str) -> Lab:
    """Open the shared server from Home, or start it."""
    row = page.get_by_role("listitem").filter(has_text=SHARED)
    row.get_by_role("link", name=re.compile("^(Open|Start)$")).click()
    return arrive(page, name)


def expect_text(index: int, text: str, *labs: Lab) -> None:
    for lab in labs:
        expect(lab.cell(index).text).to_have_text(text)
        expect(lab.dialogs).to_have_count(0)


def test_two_people_work_together(
    newcomers: tuple[tuple[Page, str], tuple[Page, str]], home: str, screenshots: Path
) -> None:
    in_container("runuser", "-u", "shared", "--", "cp", "/home/shared/Welcome.ipynb", f"/home/shared/{FILE}")
    # They find the server on Home.
    alice, bob = (enter(page, name) for page, name in newcomers)

    # They edit, and see each other.
    alice.open(FILE)
    alice.close_others()
    alice.cell(FIRST).type("# alice's plan")
    badge = bob.badge
    expect(badge).to_have_accessible_name(re.compile(f"^{SHARED}"))
    badge.click()
    here = bob.page.get_by_role("dialog", name=SHARED).get_by_role("listitem").filter(has_text="alice")
    here.get_by_role("button", name=FILE).click()
    bob.expect_open(FILE)
    bob.close_others()
    expect_text(FIRST, "# alice's plan", alice, bob)
    bob.cell(SECOND).type("# bob's part")
    expect_text(SECOND, "# bob's part", alice, bob)
    alice.cell(SECOND).expect_cursor_of(bob)
    alice.page.screenshot(path=screenshots / "story-together.png")

    # Alice is offline for a while, and both type.
    alice.page.context.set_offline(True)
    expect(alice.banner).to_contain_text("You are offline. What you type is kept in this tab")
    alice.cell(FIRST).type(", on the train")
    bob.cell(SECOND).type(", at his desk")
    alice.page.context.set_offline(False)
    expect(alice.banner).to_be_hidden()
    expect_text(FIRST, "# alice's plan, on the train", alice, bob)
    expect_text(SECOND, "# bob's part, at his desk", alice, bob)

    # Bob stops the server on Home, which says who is there. Alice types on, and starts it from where she is.
    tab = bob.page.context.new_page()
    tab.goto(home)
    row = tab.get_by_role("listitem").filter(has_text=SHARED)
    wait_until(lambda: bool(tab.reload()) and "alice" in row.inner_text())
    row.get_by_text("Stop", exact=True).click()
    expect(row).to_contain_text("Everyone will be disconnected")
    tab.screenshot(path=screenshots / "story-stop.png")
    row.get_by_role("button", name="Stop server").click()
    for lab in (alice, bob):
        expect(lab.banner).to_contain_text(f"{SHARED} has stopped")
    alice.cell(FIRST).type(", still here")
    alice.page.screenshot(path=screenshots / "story-stopped.png")
    with alice.page.context.expect_page() as opened:
        alice.banner.get_by_role("link", name="Start it").click()
    # Who is so quick that it is still stopping is asked again.
    start = opened.value.get_by_role("button", name=f"Start {SHARED}")
    start.or_(opened.value.locator(TOP)).wait_for(timeout=START_TIMEOUT)
    if start.is_visible():
        start.click()
    opened.value.locator(TOP).wait_for(timeout=START_TIMEOUT)
    opened.value.close()
    tab.close()
    expect_text(FIRST, "# alice's plan, on the train, still here", alice, bob)
    for lab in (alice, bob):
        expect(lab.banner).to_contain_text(f"{FILE} has a new kernel")

    # Alice looks back at how it began, and restores her cell. Bob sees it, and his own stays.
    alice.run_command("Show History")
    panel = alice.page.get_by_role("region", name="History")
    panel.get_by_role("button", name="The history begins").click()
    version = alice.page.locator(".jp-CollabVersion")
    version.locator("section").nth(FIRST).get_by_role("button", name="Restore this cell").click()
    expect(alice.dialogs).to_contain_text("Restore this cell?")
    alice.dialogs.get_by_role("button", name="Restore").click()
    expect_text(FIRST, "", alice, bob)
    expect_text(SECOND, "# bob's part, at his desk", alice, bob)
    alice.cell(FIRST).enter()
    alice.page.keyboard.press("Control+z")
    expect_text(FIRST, "# alice's plan, on the train, still here", alice, bob)


def test_one_shares_a_document_for_viewing(
    newcomers: tuple[tuple[Page, str], tuple[Page, str]], home: str, screenshots: Path
) -> None:
    """Alice lets bob view a notebook of her own server, by keyboard. He sees what she types, and the page says why he cannot."""
    in_container("runuser", "-u", "alice", "--", "cp", "/home/alice/Welcome.ipynb", f"/home/alice/{HERS}")
    (hers, _alice), (his, _bob) = newcomers
    hers.get_by_role("button", name=re.compile("^(Start My Server|My Server)$")).click()
    alice = arrive(hers, "alice")
    alice.open(HERS)
    alice.run_command("Share")
    expect(alice.dialogs.get_by_role("radio", name=HERS)).to_be_checked()
    alice.dialogs.get_by_role("radio", name="can view").check()
    alice.page.screenshot(path=screenshots / "story-share.png")
    with alice.page.expect_popup() as popup:
        alice.dialogs.get_by_role("button", name="Create sharing link").press("Enter")
    sharing = SharingPage(popup.value)
    expect(sharing.level).to_have_value("view")
    expect(sharing.document).to_have_value(HERS)
    sharing.press("Create link")
    his.goto(sharing.new_link.input_value())
    his.get_by_role("button", name="Accept").click()
    bob = arrive(his, "bob")
    expect(bob.banner).to_have_text("You can view alice's server, but not change anything.")
    alice.cell(SECOND).type("# for bob")
    expect_text(SECOND, "# for bob", alice, bob)
    bob.cell(SECOND).enter()
    bob.page.keyboard.type("unsaved")
    bob.page.screenshot(path=screenshots / "story-viewer.png")
    expect_text(SECOND, "# for bob", alice, bob)
    his.goto(home)
    row = his.get_by_role("listitem").filter(has_text="alice's server")
    expect(row).to_contain_text("You can view it")
    sharing.press("Revoke all links and access")
