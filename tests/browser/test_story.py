# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement 131: two people who know the hub's address and their passwords work together for the first time, and no dialog misleads them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.conftest import in_container
from browser.lab import START_TIMEOUT, TOP, Lab, arrive, log_in
from browser.looks import DESKTOP, PHONE, Look, touching
from browser.sharing import SharingPage
from browser.windows import window
from scenario import wait_until
from tiers import some_long

FIRST, SECOND = 1, 2  # code cells, below the heading
SHARED = "shared's server"
LOOKS = {
    str(look): look
    for look in (
        Look(DESKTOP, "light"),
        Look(DESKTOP, "dark", by_keyboard=True),
        Look(PHONE, "light"),
        Look(PHONE, "dark"),
    )
}
OWNERS = ("shared", "alice")
# The file in which JupyterLab keeps the theme that was chosen.
THEMES = ".jupyter/lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
Newcomers = tuple[tuple[Page, str], tuple[Page, str]]


@pytest.fixture(scope="module")
def home(entry: str) -> str:
    return f"{entry.partition('/hub/')[0]}/hub/home"


@pytest.fixture(scope="module", params=some_long(LOOKS, short=["1280-light"]))
def look(demo: str, request: pytest.FixtureRequest) -> Iterator[Look]:
    """Have JupyterLab in the look's theme on the servers where the story happens."""
    assert demo
    look: Look = request.param
    settings = json.dumps({"theme": f"JupyterLab {look.theme.title()}"})
    for owner in OWNERS:
        as_owner(owner, "mkdir", "--parents", f"/home/{owner}/{THEMES}".rpartition("/")[0])
        as_owner(owner, "tee", f"/home/{owner}/{THEMES}", given=settings)
    yield look
    for owner in OWNERS:
        as_owner(owner, "rm", f"/home/{owner}/{THEMES}")


def as_owner(owner: str, *command: str, given: str = "") -> None:
    in_container("runuser", "-u", owner, "--", *command, given=given)


@pytest.fixture
def newcomers(browser: Browser, home: str, passwords: dict[str, str], look: Look) -> Iterator[Newcomers]:
    """Log alice and bob in on the hub's page Home, in browsers that have never been there."""
    pages = [window(browser, look.size, scale=1, theme=look.theme) for _who in range(2)]
    for page, name in zip(pages, ("alice", "bob"), strict=True):
        page.goto(home)
        log_in(page, name, passwords[name])
        page.wait_for_url("**/hub/home")
    yield (pages[0], "alice"), (pages[1], "bob")
    for page in pages:
        page.context.close()


def copy_of_welcome(owner: str, name: str) -> str:
    """Copy a notebook to a new name, and return the name."""
    as_owner(owner, "cp", f"/home/{owner}/Welcome.ipynb", f"/home/{owner}/{name}")
    return name


def enter(page: Page, name: str, look: Look) -> Lab:
    """Open the shared server from Home, or start it."""
    row = page.get_by_role("listitem").filter(has_text=SHARED)
    look.press(row.get_by_role("link", name=re.compile("^(Open|Start)$")))
    return arrive(page, name)


def tidy(lab: Lab, look: Look) -> None:
    """On a phone, give the documents the whole width. People of one server share its layout."""
    if look.size == PHONE:
        lab.hide_panels()


def expect_text(index: int, text: str, *labs: Lab) -> None:
    for lab in labs:
        expect(lab.cell(index).text).to_have_text(text)
        expect(lab.dialogs).to_have_count(0)


def test_two_people_work_together(newcomers: Newcomers, home: str, look: Look, screenshots: Path) -> None:
    file = copy_of_welcome("shared", f"Plan-{look}.ipynb")

    # They find the server on Home.
    alice, bob = (enter(page, name, look) for page, name in newcomers)

    for lab in (alice, bob):
        lab.expect_theme(look.theme)
        tidy(lab, look)

    # They edit, and see each other.
    alice.open(file)
    tidy(alice, look)
    alice.close_others()
    alice.cell(FIRST).type("# alice's plan")
    badge = bob.badge
    expect(badge).to_have_accessible_name(re.compile(f"^{SHARED}"))
    look.press(badge)
    people = bob.page.get_by_role("dialog", name=SHARED)
    here = people.get_by_role("listitem").filter(has_text="alice")
    expect(here).to_contain_text(file)
    look.keep(bob.page, "story-people", screenshots, people)
    look.press(here.get_by_role("button", name=file))
    bob.expect_open(file)
    bob.close_others()
    expect_text(FIRST, "# alice's plan", alice, bob)
    bob.cell(SECOND).type("# bob's part")
    expect_text(SECOND, "# bob's part", alice, bob)
    alice.cell(SECOND).expect_cursor_of(bob)
    look.keep(alice.page, "story-together", screenshots)

    # Alice is offline for a while, and both type.
    alice.page.context.set_offline(True)
    expect(alice.banner).to_contain_text("You are offline. What you type is kept in this tab")
    look.keep(alice.page, "story-offline", screenshots, alice.banner)
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
    look.press(row.get_by_text("Stop", exact=True))
    expect(row).to_contain_text("Everyone will be disconnected")
    look.keep(tab, "story-stop", screenshots, row)
    look.press(row.get_by_role("button", name="Stop server"))
    for lab in (alice, bob):
        expect(lab.banner).to_contain_text(f"{SHARED} has stopped")
    alice.cell(FIRST).type(", still here")
    look.keep(alice.page, "story-stopped", screenshots, alice.banner)
    with alice.page.context.expect_page() as opened:
        look.press(alice.banner.get_by_role("link", name="Start it"))
    # Who is so quick that it is still stopping is asked again.
    start = opened.value.get_by_role("button", name=f"Start {SHARED}")
    start.or_(opened.value.locator(TOP)).wait_for(timeout=START_TIMEOUT)
    if start.is_visible():
        look.press(start)
    opened.value.locator(TOP).wait_for(timeout=START_TIMEOUT)
    opened.value.close()
    tab.close()
    expect_text(FIRST, "# alice's plan, on the train, still here", alice, bob)
    for lab in (alice, bob):
        expect(lab.banner).to_contain_text(f"{file} has a new kernel")
    look.keep(bob.page, "story-kernel", screenshots, bob.banner)
    look.press(bob.banner.get_by_role("button", name="Dismiss"))
    expect(bob.banner).to_be_hidden()

    # Alice looks back at how it began, and restores her cell. Bob sees it, and his own stays.
    alice.run_command("Show History")
    panel = alice.page.get_by_role("region", name="History")
    expect(panel.get_by_role("button", name="The history begins")).to_be_visible()
    look.keep(alice.page, "story-history", screenshots, panel)
    look.press(panel.get_by_role("button", name="The history begins"))
    version = alice.page.locator(".jp-CollabVersion")
    restore = version.locator("section").nth(FIRST).get_by_role("button", name="Restore this cell")
    expect(restore).to_be_visible()
    look.keep(alice.page, "story-version", screenshots, version)
    look.press(restore)
    expect(alice.dialogs).to_contain_text("Restore this cell?")
    look.keep(alice.page, "story-restore", screenshots)
    look.press(alice.dialogs.get_by_role("button", name="Restore"))
    expect_text(FIRST, "", alice, bob)
    expect_text(SECOND, "# bob's part, at his desk", alice, bob)
    alice.cell(FIRST).enter()
    alice.page.keyboard.press("Control+z")
    expect_text(FIRST, "# alice's plan, on the train, still here", alice, bob)


def test_one_shares_a_document_for_viewing(
    newcomers: Newcomers, home: str, look: Look, screenshots: Path
) -> None:
    """Alice lets bob view a notebook of her own server. He sees what she types, and the page says why he cannot, and when his access has ended."""
    file = copy_of_welcome("alice", f"Hers-{look}.ipynb")
    (hers, _alice), (his, _bob) = newcomers
    look.press(hers.get_by_role("button", name=re.compile("^(Start My Server|My Server)$")))
    alice = arrive(hers, "alice")
    alice.open(file)
    tidy(alice, look)
    alice.run_command("Share")
    expect(alice.dialogs.get_by_role("radio", name=file)).to_be_checked()
    look.choose(alice.dialogs.get_by_role("radio", name="can view"))
    look.keep(alice.page, "story-share", screenshots, alice.dialogs.locator(".jp-CollabShare"))
    assert touching(alice.dialogs.get_by_role("button")) == []
    with alice.page.expect_popup() as popup:
        look.press(alice.dialogs.get_by_role("button", name="Create sharing link"))
    sharing = SharingPage(popup.value)
    expect(sharing.level).to_have_value("view")
    expect(sharing.document).to_have_value(file)
    with sharing.page.expect_event("load"):
        look.press(sharing.server.get_by_role("button", name="Create link"))
    look.keep(sharing.page, "story-link", screenshots)
    his.goto(sharing.new_link.input_value())
    look.press(his.get_by_role("button", name="Accept"))
    bob = arrive(his, "bob")
    tidy(bob, look)
    expect(bob.banner).to_have_text("You can view alice's server, but not change anything.")
    alice.cell(SECOND).type("# for bob")
    expect_text(SECOND, "# for bob", alice, bob)
    bob.cell(SECOND).enter()
    bob.page.keyboard.type("unsaved")
    look.keep(bob.page, "story-viewer", screenshots, bob.banner)
    expect_text(SECOND, "# for bob", alice, bob)
    tab = his.context.new_page()
    tab.goto(home)
    row = tab.get_by_role("listitem").filter(has_text="alice's server")
    expect(row).to_contain_text("You can view it")
    tab.close()
    with sharing.page.expect_event("load"):
        look.press(sharing.server.get_by_role("button", name="Revoke all links and access"))
    expect(bob.banner).to_contain_text("Your access to alice's server has ended")
    look.keep(bob.page, "story-ended", screenshots, bob.banner)
    expect_text(SECOND, "# for bob", bob)
