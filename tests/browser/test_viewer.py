# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement B6 in real windows: a viewer's page shows what others type, takes nothing, and says why, until the viewer gets more access."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.conftest import in_container
from browser.lab import Lab, come
from browser.sharing import PATH, SharingPage, faint_texts
from browser.windows import WIDE, window
from scenario import PASSWORDS

NOTEBOOK, OTHER, FILE = "Rain.ipynb", "Sun.ipynb", "plan.txt"
EMPTY = 2  # its empty cell


@pytest.fixture(scope="module")
def public_url(entry: str) -> str:
    return entry.partition("/hub/")[0]


@pytest.fixture(scope="module")
def bob_at_home(browser: Browser, public_url: str, passwords: dict[str, str]) -> Iterator[Lab]:
    """Open a notebook on bob's own server, as bob."""
    in_container("runuser", "-u", "bob", "--", "cp", f"/home/bob/{NOTEBOOK}", f"/home/bob/{OTHER}")
    in_container("runuser", "-u", "bob", "--", "tee", f"/home/bob/{FILE}", given="a plan")
    page = window(browser, WIDE, scale=1)
    bob = come(page, f"{public_url}/hub/spawn/bob", "bob", passwords["bob"])
    bob.open(NOTEBOOK)
    yield bob
    page.context.close()


@pytest.fixture(scope="module")
def vera(browser: Browser, public_url: str, bob_at_home: Lab) -> Iterator[Lab]:
    """Open the same notebook as vera, who can view bob's server."""
    in_container("useradd", "--create-home", "--groups", "jupyterhub", "vera")
    in_container("chpasswd", given=f"vera:{PASSWORDS['mallory']}\n")
    page = window(browser, WIDE, scale=1)
    address = f"{public_url}/user/{bob_at_home.name}/lab/tree/{NOTEBOOK}"
    vera = come(page, address, "vera", PASSWORDS["mallory"])
    expect(vera.cell(EMPTY).text).to_be_visible()
    yield vera
    page.context.close()


@pytest.fixture(scope="module")
def sharing(bob_at_home: Lab, public_url: str) -> SharingPage:
    tab = bob_at_home.page.context.new_page()
    tab.goto(public_url + PATH)
    return SharingPage(tab)


def try_to_change(page: Page) -> None:
    """Type into the text that has the focus, and as a notebook's commands: run, insert above and below, save.

    They all add cells, so that none hides what another did.
    """
    page.keyboard.type("unsaved")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Escape")
    for key in ("b", "a", "b", "Control+S"):
        page.keyboard.press(key)


def test_page_says_why_it_is_read_only(bob_at_home: Lab, vera: Lab) -> None:
    expect(vera.banner).to_have_text(f"You can view {bob_at_home.name}'s server, but not change anything.")
    assert faint_texts(vera.banner) == []
    expect(bob_at_home.banner).to_be_hidden()


def test_page_shows_no_status_of_a_kernel_to_which_it_is_not_connected(vera: Lab) -> None:
    expect(vera.status_bar).to_contain_text("Python 3")
    expect(vera.status_bar).not_to_contain_text("|")
    expect(vera.page.locator(".jp-Notebook-ExecutionIndicator")).to_be_hidden()


def test_badge_offers_viewers_no_history(bob_at_home: Lab, vera: Lab) -> None:
    for lab, offers in ((bob_at_home, 1), (vera, 0)):
        lab.badge.click()
        expect(lab.page.locator(".jp-CollabPeople")).to_be_visible()
        expect(lab.page.get_by_role("button", name="History of this document")).to_have_count(offers)
        lab.page.keyboard.press("Escape")


def test_viewer_follows_a_notebook_and_changes_nothing(bob_at_home: Lab, vera: Lab) -> None:
    cells = vera.page.locator(".jp-Notebook .jp-Cell")
    bob_at_home.cell(EMPTY).type("mean = 4")
    expect(vera.cell(EMPTY).text).to_have_text("mean = 4")
    vera.cell(EMPTY).enter()
    try_to_change(vera.page)
    # A cell that comes later
    bob_at_home.page.keyboard.press("Escape")
    bob_at_home.page.keyboard.press("b")
    expect(cells).to_have_count(EMPTY + 2)
    bob_at_home.cell(EMPTY + 1).type("print(6 * 7)")
    expect(vera.cell(EMPTY + 1).text).to_have_text("print(6 * 7)")
    vera.cell(EMPTY + 1).enter()
    try_to_change(vera.page)
    expect(vera.cell(EMPTY).text).to_have_text("mean = 4")
    expect(vera.cell(EMPTY + 1).text).to_have_text("print(6 * 7)")
    expect(cells).to_have_count(EMPTY + 2)
    expect(vera.dialogs).to_have_count(0)


def test_documents_that_are_opened_later_are_read_only(vera: Lab) -> None:
    vera.open_file(FILE)
    expect(vera.file.text).to_have_text("a plan")
    vera.file.enter()
    vera.page.keyboard.type("unsaved")
    expect(vera.file.text).to_have_text("a plan")
    vera.open_file(OTHER)
    expect(vera.cell(EMPTY).text).to_have_attribute("aria-readonly", "true")
    expect(vera.dialogs).to_have_count(0)
    vera.show(NOTEBOOK)


def test_viewer_reads_no_file_as_a_setting(bob_at_home: Lab, vera: Lab, public_url: str) -> None:
    """JupyterLab takes the name of a setting for a path, and would read any JSON on the host that bob can read."""
    in_container("runuser", "-u", "bob", "--", "mkdir", "-p", "/home/bob/.keys")
    in_container("runuser", "-u", "bob", "--", "tee", "/home/bob/.keys/mine.json", given='{"key": "sesame"}')
    settings = f"{public_url}/user/{bob_at_home.name}/lab/api/settings"
    place = f"{settings}/%2Fhome%2Fbob%2F.keys:mine"
    own = bob_at_home.page.request.get(place)
    assert "sesame" in own.text()
    answer = vera.page.request.get(place)
    assert answer.status == 403
    assert "sesame" not in answer.text()
    assert vera.page.request.get(f"{settings}/@jupyterlab/apputils-extension:themes").ok


def test_changed_level_changes_the_page_at_once(bob_at_home: Lab, vera: Lab, sharing: SharingPage) -> None:
    """Vera accepts a link, so she can edit. Then bob revokes that. She reloads nothing."""
    link = sharing.make_link(NOTEBOOK)
    tab = vera.page.context.new_page()
    tab.goto(link)
    with tab.expect_event("load"):
        tab.get_by_role("button", name="Accept").click()
    tab.close()
    expect(vera.banner).to_be_hidden()
    vera.cell(EMPTY).type(" # vera")
    expect(bob_at_home.cell(EMPTY).text).to_have_text("mean = 4 # vera")
    # Her page had given up on the kernel.
    expect(vera.status_bar).to_contain_text("| Idle")
    vera.cell(EMPTY + 1).run()
    expect(bob_at_home.cell(EMPTY + 1).output).to_have_text("42")

    sharing.refresh()
    sharing.press("Revoke", within=sharing.guests.filter(has_text="vera"))
    expect(vera.banner).to_contain_text("You can view")
    expect(vera.status_bar).not_to_contain_text("|")
    expect(vera.cell(EMPTY).text).to_have_attribute("aria-readonly", "true")
    vera.cell(EMPTY).enter()
    try_to_change(vera.page)
    for lab in (bob_at_home, vera):
        expect(lab.cell(EMPTY).text).to_have_text("mean = 4 # vera")
    # Nobody else became read-only with her.
    bob_at_home.cell(EMPTY).type(" # bob")
    expect(vera.cell(EMPTY).text).to_have_text("mean = 4 # vera # bob")
