# SPDX-License-Identifier: GPL-3.0-or-later
"""Alice shares her own server with bob, in two real windows, and revokes his access."""

import re
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Dialog, Page, expect

from browser.keys import tab_to
from browser.lab import TOP, UTC_OFFSET, Lab, log_in
from browser.sharing import PATH, SharingPage, shown_time
from scenario import wait_until

HERS = "/user/alice/lab"
NOTEBOOK = "Rain.ipynb"
MEAN = 2  # its empty cell
MINUTE = timedelta(minutes=1)  # the precision of times on the page
REVOCATION = 5 + 5  # seconds that the page promises, and a margin for slow machines


def open_page(lab: Lab, way: str) -> SharingPage:
    """Open the sharing page from JupyterLab, by menu or button. It opens in a new tab."""
    with lab.page.expect_popup() as popup:
        if way == "menu":
            lab.show_menu("User sharing")
            lab.page.get_by_role("menuitem", name="Share your server", exact=True).click()
        else:
            lab.buttons.filter(has_text="Share").click()
            lab.dialogs.get_by_role("button", name="Create sharing link").click()
    return SharingPage(popup.value)


@pytest.fixture(scope="module")
def sharing(owner: Lab) -> SharingPage:
    """Open the sharing page in alice's browser."""
    return open_page(owner, "menu")


@pytest.fixture(scope="module")
def link(sharing: SharingPage) -> str:
    """Create a sharing link to a notebook on alice's server."""
    return sharing.make_link(NOTEBOOK)


@pytest.fixture(scope="module")
def public_url(link: str) -> str:
    """Return the hub's public URL, which sharing links point to. A browser's login at one URL of the hub is not valid at another."""
    return link.partition("/hub/")[0]


@pytest.fixture(scope="module")
def invited(visitor: Page, link: str, passwords: dict[str, str]) -> Page:
    """Open the link as bob and log in, so that the page asks whether to accept."""
    visitor.goto(link)
    log_in(visitor, "bob", passwords["bob"])
    expect(visitor.get_by_role("button", name="Accept")).to_be_visible()
    return visitor


@pytest.fixture(scope="module")
def guest(invited: Page) -> Lab:
    """Accept as bob, and authorize alice's server to identify him."""
    invited.get_by_role("button", name="Accept").click()
    invited.get_by_role("button", name="Authorize").click()
    return Lab(invited, "bob")


def accept_again(guest: Lab, link: str) -> None:
    """Accept a link again. The hub does not ask for authorization a second time."""
    guest.page.goto(link)
    with guest.page.expect_event("load"):
        guest.page.get_by_role("button", name="Accept").click()


def expect_end(guest: Lab) -> None:
    """Expect the window of a guest whose access has ended to say so, and to offer the text and a way back. No dialog appears."""
    expect(guest.banner).to_contain_text("Your access to alice's server has ended")
    back = guest.banner.get_by_role("link", name="Back to the hub")
    expect(back).to_have_attribute("href", re.compile("/hub/home$"))
    text = guest.cell(MEAN).text
    before = text.inner_text()
    guest.cell(MEAN).enter()
    guest.page.keyboard.type("unsaved")
    guest.page.keyboard.press("Control+S")
    expect(text).to_have_attribute("aria-readonly", "true")
    expect(text).to_have_text(before)
    guest.banner.get_by_role("button", name="Copy the text").click()
    assert "# Rain" in guest.copied
    expect(guest.dialogs).to_have_count(0)


def visit(page: Page, address: str) -> int:
    """Go to a URL and return the HTTP status."""
    response = page.goto(address)
    assert response
    return response.status


def now() -> datetime:
    """Return the current time in the browsers' time zone."""
    return datetime.now(UTC).replace(tzinfo=None) + UTC_OFFSET


def keep(picture: bytes, file: Path) -> None:
    """Save a picture after checking that its size is suitable for the documentation."""
    assert struct.unpack(">I", picture[16:20]) == (960,)  # the width in the PNG header
    assert len(picture) < 300_000
    file.write_bytes(picture)


@pytest.mark.parametrize("way", ["menu", "button"])
def test_jupyterlab_leads_to_the_page(owner: Lab, way: str) -> None:
    """Requirements 7, 22, 23 and 75: a menu and a button lead to the page, which warns."""
    opened = open_page(owner, way)
    assert urlsplit(opened.page.url).path == PATH
    expect(opened.server).to_contain_text("running")
    expect(opened.page.get_by_role("tabpanel")).to_contain_text("They can read and change all your files")
    opened.page.close()


def test_open_document_comes_along(owner: Lab) -> None:
    """By keyboard alone, the sharing page opens with the document that the owner has open. An address of it means the same."""
    owner.open(NOTEBOOK)
    owner.run_command("Share")
    share = owner.dialogs.get_by_role("radio", name=NOTEBOOK)
    expect(share).to_be_focused()
    expect(share).to_be_checked()
    with owner.page.expect_popup() as popup:
        owner.page.keyboard.press("Enter")
    opened = SharingPage(popup.value)
    expect(opened.document).to_have_value(NOTEBOOK)
    assert opened.make_link(f"{owner.page.url.partition('/lab')[0]}/lab/tree/RTC:{NOTEBOOK}").endswith(
        f"%2F{NOTEBOOK}"
    )
    opened.press("Revoke all links")
    opened.page.close()


def test_share_button_is_top_right(owner: Lab) -> None:
    """Requirement 75: the Share button is at the top right."""
    box, window = owner.buttons.filter(has_text="Share").bounding_box(), owner.page.viewport_size
    assert box and window
    assert box["x"] > window["width"] - 160
    assert box["y"] < 30


def test_jupyterlab_offers_no_link_with_a_token(owner: Lab) -> None:
    """Requirements 76 and 77: jupyter-collaboration's button, whose link contains a token, does not exist."""
    expect(owner.buttons).to_have_text(["Share"])
    expect(owner.page.locator("[data-jp-item-name*=shared-link]")).to_have_count(0)
    expect(owner.page.locator("[data-command*=shared-link]")).to_have_count(0)


def test_picture_of_the_menu(owner: Lab, screenshots: Path) -> None:
    """Requirement 23: the menu is in the menu bar and says what it is for."""
    owner.show_menu("User sharing")
    expect(owner.page.get_by_role("menu").get_by_role("menuitem")).to_have_text(["Share your server"])
    keep(owner.page.screenshot(animations="disabled"), screenshots / "sharing-menu.png")
    owner.page.keyboard.press("Escape")


def test_link_is_copied_with_one_click(sharing: SharingPage) -> None:
    """Requirement 24: one click copies the link, even if the browser denies scripts the clipboard, as on a hub without TLS."""
    assert not sharing.page.evaluate("isSecureContext")
    link = sharing.make_link(NOTEBOOK)
    expect(sharing.copy).to_have_text("Copy")
    sharing.copy.click()
    expect(sharing.copy).to_have_text("Copied")
    sharing.document.press("Control+V")
    expect(sharing.document).to_have_value(link)


def test_page_shows_when_a_link_ends(sharing: SharingPage) -> None:
    """Requirement 25: the page shows when a link ends, by default after an hour, in the owner's time zone."""
    sharing.make_link(NOTEBOOK)
    made, ends, used = sharing.links.last.get_by_role("cell").all()[1:4]
    assert abs(now() - shown_time(made)) <= 2 * MINUTE
    assert abs(shown_time(ends) - shown_time(made) - timedelta(hours=1)) <= MINUTE
    expect(used).to_have_text("never")


def test_guest_is_asked_first(invited: Page, screenshots: Path) -> None:
    """Requirement 29: the accept page names the owner and what is granted, and warns."""
    expect(invited.get_by_text("alice shares their server with you (bob)")).to_be_visible()
    expect(invited.get_by_text("read and change the files of alice")).to_be_visible()
    expect(invited.get_by_text("Accept only if you know and trust alice")).to_be_visible()
    keep(invited.screenshot(full_page=True), screenshots / "accept.png")


def test_link_leads_to_the_notebook(guest: Lab) -> None:
    """Requirements 30 and 31: after the authorize page, the link opens JupyterLab on the owner's server, with the notebook open."""
    assert urlsplit(guest.page.url).path == f"{HERS}/tree/{NOTEBOOK}"
    guest.expect_open(NOTEBOOK)
    expect(guest.page.get_by_role("heading", name="Rain in May")).to_be_visible()
    expect(guest.initials).to_have_text("Bo")


def test_each_sees_what_the_other_types(owner: Lab, guest: Lab) -> None:
    """Requirements 42 and 79: owner and guest edit one notebook together."""
    owner.open(NOTEBOOK)
    owner.cell(MEAN).type("# from alice")
    expect(guest.cell(MEAN).text).to_have_text("# from alice")
    guest.cell(MEAN).type(", and from bob")
    expect(owner.cell(MEAN).text).to_have_text("# from alice, and from bob")


@pytest.mark.usefixtures("guest")
def test_owner_sees_who_came(sharing: SharingPage, screenshots: Path) -> None:
    """Requirements 32 to 34: after a refresh, the page shows who accepted and when; unused links can be revoked."""
    sharing.refresh()
    expect(sharing.guests).to_have_count(1)
    who, since = sharing.guests.get_by_role("cell").all()[:2]
    expect(who).to_have_text("bob")
    assert abs(now() - shown_time(since)) <= 5 * MINUTE
    expect(sharing.links.filter(has_text="1 time, last ")).to_have_count(1)
    while sharing.unused_links.count():
        sharing.press("Revoke link", within=sharing.unused_links.first)
    sharing.make_link(NOTEBOOK)
    expect(sharing.links).to_have_count(2)
    keep(sharing.page.screenshot(full_page=True), screenshots / "sharing-page.png")


def test_guest_finds_the_server_on_his_own_page(guest: Lab, public_url: str) -> None:
    """Requirement 64: the page lists the servers that are shared with a user, and opens them."""
    page = guest.page.context.new_page()
    page.goto(public_url + PATH)
    his = SharingPage(page)
    his.tab("Shared with me (2)").click()
    expect(his.shared_with_me).to_have_count(2)
    expect(his.shared_with_me.last.get_by_role("cell").first).to_have_text("shared")
    cells = his.shared_with_me.first.get_by_role("cell")
    expect(cells.nth(0)).to_have_text("alice")
    expect(cells.nth(1)).to_have_text("running")
    expect(cells.nth(2)).to_have_text("open it while it runs")
    expect(cells.nth(3)).to_have_text("bob")
    expect(cells.nth(4).get_by_role("button", name="Leave", exact=True)).to_be_visible()
    cells.nth(4).get_by_role("link", name="Open", exact=True).click()
    Lab(page, "bob")
    assert urlsplit(page.url).path.startswith(HERS)
    page.close()


@pytest.mark.usefixtures("guest")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_can_be_read(sharing: SharingPage, theme: Literal["light", "dark"]) -> None:
    """All text has enough contrast in the light and the dark theme."""
    sharing.page.emulate_media(color_scheme=theme)
    sharing.make_link(NOTEBOOK)
    expect(sharing.page.locator("html")).to_have_attribute("data-bs-theme", theme)
    faint = sharing.faint_texts
    sharing.page.emulate_media(color_scheme="light")
    assert faint == []


@pytest.mark.usefixtures("guest")
def test_every_control_has_a_name(sharing: SharingPage) -> None:
    """Every button and field has a name for screen readers."""
    sharing.make_link(NOTEBOOK)
    assert sharing.controls.count() > 10
    for control in sharing.controls.all():
        expect(control).to_have_accessible_name(re.compile(r"\w\w"))


def test_link_is_made_without_a_mouse(sharing: SharingPage) -> None:
    """Tab, arrow keys and Enter are enough to create and copy a link, and the focus moves to the new link."""
    sharing.refresh()
    keyboard = sharing.page.keyboard
    tab_to(sharing.life)
    keyboard.press("ArrowUp")
    expect(sharing.life.locator("option:checked")).to_have_text("15 minutes")
    keyboard.press("Tab")
    keyboard.press("ArrowUp")
    expect(sharing.level.locator("option:checked")).to_have_text("can view")
    keyboard.press("Tab")
    keyboard.type(NOTEBOOK)
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(sharing.new_link).to_be_focused()
    link = sharing.new_link.input_value()
    assert link.endswith(NOTEBOOK)
    made, ends = sharing.links.first.get_by_role("cell").all()[1:3]  # it ends before all others
    assert abs(shown_time(ends) - shown_time(made) - timedelta(minutes=15)) <= MINUTE
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(sharing.copy).to_have_text("Copied")
    tab_to(sharing.document)
    keyboard.press("Control+V")
    expect(sharing.document).to_have_value(link)


def test_tabs_are_changed_without_a_mouse(sharing: SharingPage) -> None:
    """Arrow keys switch between tabs, as in every tab list, and the Tab key moves into the tab's panel."""
    sharing.refresh()
    tab_to(sharing.tab("My servers"))
    sharing.page.keyboard.press("ArrowRight")
    expect(sharing.tab("Shared with me")).to_be_focused()
    expect(sharing.tab("Shared with me")).to_have_attribute("aria-selected", "true")
    expect(sharing.shared_with_me).to_have_text(re.compile(r"^\s*shared"))
    expect(sharing.server).to_be_hidden()
    sharing.page.keyboard.press("Tab")
    expect(sharing.page.get_by_role("tabpanel", name="Shared with me")).to_be_focused()
    sharing.page.keyboard.press("Shift+Tab")
    sharing.page.keyboard.press("ArrowLeft")
    expect(sharing.server).to_be_visible()


@pytest.mark.usefixtures("guest")
def test_home_says_who_works_there_and_asks_before_it_stops_the_server(owner: Lab, hub_url: str) -> None:
    home = owner.page.context.new_page()
    home.goto(f"{hub_url}/hub/home")
    expect(home.get_by_role("status").filter(has_text="bob is working on your server")).to_be_visible()
    asked: list[str] = []
    sent: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    home.on("dialog", dismiss)
    home.on("request", lambda request: sent.append(request.method))
    home.get_by_role("button", name="Stop My Server").click()
    assert asked == ["bob is working there. Stop the server?"]
    home.reload()
    expect(home.get_by_role("button", name="Stop My Server")).to_be_visible()
    assert sent
    assert "DELETE" not in sent  # a server that is stopping looks as before at first
    expect(owner.banner).to_be_hidden()
    home.close()


def test_revoked_guest_comes_back_by_a_link(
    sharing: SharingPage, guest: Lab, link: str, public_url: str
) -> None:
    """Requirements 35, 39, 41 and V4: a guest loses access within seconds, and the page warns the owner that a valid link lets him return."""
    sharing.refresh()
    sharing.press("Revoke", within=sharing.guests.filter(has_text="bob"))
    expect_end(guest)
    expect(sharing.guests).to_have_count(0)
    expect(sharing.server.get_by_text("A link is still valid. Anyone who has it")).to_be_visible()
    wait_until(lambda: visit(guest.page, public_url + HERS) == 403, REVOCATION)
    expect(guest.page.locator(TOP)).to_have_count(0)

    accept_again(guest, link)
    wait_until(lambda: visit(guest.page, public_url + HERS) == 200, REVOCATION)


def test_everything_ends_with_one_button(
    sharing: SharingPage, guest: Lab, link: str, public_url: str
) -> None:
    """Requirements 28, 36, 39 and 41: one button ends all links and all access. Runs last, because no guest remains."""
    accept_again(guest, link)
    sharing.refresh()
    expect(sharing.guests).to_have_count(1)
    sharing.press("Revoke all links and access")
    expect(sharing.notice).to_have_text(re.compile("All links and all access revoked"))
    expect(sharing.guests).to_have_count(0)
    expect(sharing.links).to_have_count(0)
    wait_until(lambda: visit(guest.page, public_url + HERS) == 403, REVOCATION)
    expect(guest.page.locator(TOP)).to_have_count(0)
    assert visit(guest.page, link) == 404
    expect(guest.page.get_by_role("button", name="Accept")).to_have_count(0)
