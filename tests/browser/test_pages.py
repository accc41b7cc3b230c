# SPDX-License-Identifier: GPL-3.0-or-later
"""Every page of ours on the hub, as people see it: nothing serious for axe, and nothing cut off. The hub runs on this machine, without a container."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.axe import faults
from browser.looks import DESKTOP, PHONE, Look
from browser.windows import window
from local_hub import wait_until
from paged_hub import Paged
from tiers import LONG

# Those in which each page is examined. All of them take twice as long.
LOOKS = [Look(DESKTOP, "dark"), Look(PHONE, "light")]
if LONG:
    LOOKS += [Look(DESKTOP, "light"), Look(PHONE, "dark")]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paged]:
    """Run a hub on which alice's server is shared with zoe, and bob is on it. It asks guests to confirm that servers may know them."""
    hub = Paged(tmp_path_factory.mktemp("pages"), ends_with_server=False)
    config = hub.directory / "jupyterhub_config.py"
    config.write_text(config.read_text().replace("authorize_page=False", "authorize_page=True"))
    with hub.running(), hub.open_front():
        for name in ("zoe", "eve", "vera"):
            hub.ask("POST", f"users/{name}")
        hub.share("zoe")
        yield hub


def enter(hub: Paged, page: Page, name: str) -> Page:
    """Log in as a user. The hub takes any password."""
    page.goto(f"{hub.front}/hub/login?next=/hub/home")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password:").fill("x")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/hub/home")
    return page


@pytest.fixture(scope="module")
def zoe(browser: Browser, hub: Paged) -> Iterator[Page]:
    page = enter(hub, window(browser, DESKTOP, scale=1), "zoe")
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def alice(browser: Browser, hub: Paged) -> Iterator[Page]:
    page = enter(hub, window(browser, DESKTOP, scale=1), "alice")
    page.goto(f"{hub.front}/services/sharing/")
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_label("Your new link")).to_be_visible()
    yield page
    page.context.close()


def examine(page: Page, name: str, screenshots: Path, *, by_hub: bool = True) -> None:
    """Expect a page to be in order in both themes and on a desktop and a phone, and keep a picture of each.

    by_hub: whether the hub made it, and not a server.
    """
    wrong = {}
    for look in LOOKS:
        page.set_viewport_size(look.size)
        page.emulate_media(color_scheme=look.theme)
        if by_hub:
            expect(page.locator("html")).to_have_attribute("data-bs-theme", look.theme)
        found = faults(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append("the page is wider than the window")
        if page.get_by_role("main").count() != 1:
            found.append("the page has not one main landmark")
        if found:
            wrong[str(look)] = found
        page.screenshot(path=screenshots / f"{name}-{look}.png", full_page=True)
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")
    assert wrong == {}


# The pages that a guest sees, and what their main heading is.
PAGES = {
    "home": ("/hub/home", "JupyterHub home page"),
    "no-access": ("/hub/user/eve/lab", "You do not have access to eve's server"),
    "refused": ("/hub/admin", "You do not have access"),
    "not-found": ("/hub/none", "Page not found"),
    "no-share": ("/hub/accept-share?code=none", "This sharing link is not valid"),
    "not-running": ("/hub/user/shared/lab", "shared's server is not running"),
    "authorize": ("/user/alice/files/none", "Open alice's server"),
    "theirs": ("/services/sharing/?tab=theirs", "Sharing"),
    "sharing-error": ("/services/sharing/none", "Sharing"),
}
LINK = "/hub/login?next=%2Fhub%2Faccept-share%3Fcode%3Dx"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_in_order(hub: Paged, zoe: Page, screenshots: Path, name: str) -> None:
    """Requirement 118."""
    path, title = PAGES[name]
    zoe.goto(hub.front + path)
    expect(zoe.get_by_role("heading", level=1)).to_have_text(title)
    examine(zoe, name, screenshots)


def test_servers_own_refusal_is_in_order(hub: Paged, browser: Browser, screenshots: Path) -> None:
    hub.ask("POST", "users/yann")
    hub.share("yann")
    yann = enter(hub, window(browser, DESKTOP, scale=1), "yann")
    yann.goto(f"{hub.front}/user/alice/files/none")
    yann.get_by_role("button", name="Authorize").click()
    hub.revoke("yann")
    wait_until(
        lambda: "You do not have access to alice's server" in ((yann.reload() and yann.content()) or "")
    )
    expect(yann.get_by_role("link", name="Back to the hub")).to_have_attribute("href", "/hub/home")
    examine(yann, "access-ended", screenshots, by_hub=False)
    yann.context.close()


def test_login_page_says_what_waits_behind_it(hub: Paged, stranger: Page, screenshots: Path) -> None:
    """A link that is opened before the login says what it is for, and names nobody."""
    stranger.goto(hub.front + LINK)
    expect(stranger.get_by_role("status")).to_contain_text(
        "This link shares a server with you. Sign in first."
    )
    expect(stranger.get_by_text("alice")).to_have_count(0)
    examine(stranger, "login", screenshots)
    stranger.goto(f"{hub.front}/hub/login")
    expect(stranger.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(stranger.get_by_role("status")).to_have_count(0)


def test_owners_page_is_in_order(alice: Page, screenshots: Path) -> None:
    examine(alice, "mine", screenshots)


@pytest.mark.parametrize(("name", "why"), [("Alice", "your own server"), ("nobody", "no user or group")])
def test_refused_name_stays_in_the_field(
    hub: Paged, alice: Page, screenshots: Path, name: str, why: str
) -> None:
    """By keyboard: a name with which nothing can be shared is refused in a sentence, and can be corrected."""
    page = alice.context.new_page()
    page.goto(f"{hub.front}/services/sharing/")
    field = page.get_by_label("Name", exact=True)
    field.fill(name)
    field.press("Enter")
    expect(page.get_by_role("alert").or_(page.get_by_role("status")).first).to_contain_text(why)
    expect(field).to_have_value(name)
    examine(page, f"mine-refused-{name}", screenshots)
    page.close()


@pytest.fixture(scope="module")
def carol(browser: Browser, hub: Paged, alice: Page) -> Iterator[Page]:
    """Yield the window of an administrator of a hub with links, shares and visitors of all kinds."""
    for name in ("wanda", "william"):
        hub.ask("POST", f"users/{name}")
        hub.ask("POST", "shares/alice/", {"user": name, "level": "view"})
    page = enter(hub, window(browser, DESKTOP, scale=1), "carol")
    yield page
    page.context.close()


@pytest.mark.parametrize("query", ["", "&may=view", "&may=view&confirm=1", "&of=nobody"])
def test_administrators_page_is_in_order(hub: Paged, carol: Page, screenshots: Path, query: str) -> None:
    """Requirements 118 and 125."""
    carol.goto(f"{hub.front}/services/sharing/?tab=all{query}")
    expect(carol.get_by_role("tab", name="Whole hub")).to_have_attribute("aria-selected", "true")
    examine(carol, f"all{query.replace('&', '-').replace('=', '-')}", screenshots)


def test_administrator_ends_what_matches_by_keyboard(hub: Paged, carol: Page) -> None:
    """Requirement 125: filter, question and answer need no mouse. A second Enter ends nothing: the focus is on the way back."""
    carol.goto(f"{hub.front}/services/sharing/")
    carol.get_by_role("tab", name="My servers").focus()
    carol.keyboard.press("ArrowLeft")  # from the first to the last
    who = carol.get_by_label("User or group").locator("visible=true")
    who.fill("w*")
    who.press("Enter")
    expect(carol.get_by_role("row").filter(has_text="can view")).to_have_count(2)
    carol.get_by_role("button", name="Revoke all 2 shares and links that match").press("Enter")
    expect(carol.get_by_role("link", name="Cancel")).to_be_focused()
    carol.keyboard.press("Shift+Tab")
    expect(carol.get_by_role("button", name="Revoke all 2")).to_be_focused()
    carol.keyboard.press("Enter")
    expect(carol.get_by_role("status")).to_contain_text("Revoked.")
    expect(carol.get_by_text("Nothing matches")).to_be_visible()
    assert {each["user"]["name"] for each in hub.ask("GET", "shares/alice/")["items"]} == {"zoe"}


def test_administrators_page_works_without_scripts(hub: Paged, carol: Page, browser: Browser) -> None:
    """Tabs, filters and the question are reached without scripts, too."""
    context = browser.new_context(java_script_enabled=False, storage_state=carol.context.storage_state())
    page = context.new_page()
    page.goto(f"{hub.front}/services/sharing/")
    page.get_by_role("link", name="Whole hub").click()
    page.locator("#all").get_by_label("Owner, or owner/server").fill("alice")
    page.locator("#all").get_by_role("button", name="Show").click()
    expect(page.get_by_role("row").filter(has_text="zoe")).to_be_visible()
    page.get_by_role("button", name="Revoke all").click()
    expect(page.get_by_role("heading", name="Revoke 1 share and")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", name="Revoke 1 share and")).to_have_count(0)
    context.close()


def test_accept_page_is_in_order(hub: Paged, alice: Page, browser: Browser, screenshots: Path) -> None:
    link = alice.get_by_label("Your new link").input_value()
    eve = enter(hub, window(browser, DESKTOP, scale=1), "eve")
    eve.goto(link)
    expect(eve.get_by_role("button", name="Accept")).to_be_visible()
    examine(eve, "accept", screenshots)
    eve.context.close()
    alice.goto(link)
    expect(alice.get_by_role("heading", level=1)).to_have_text("This is your own sharing link")
    examine(alice, "own-link", screenshots)


def test_request_is_sent_and_accepted_with_the_keyboard(
    hub: Paged, alice: Page, browser: Browser, screenshots: Path
) -> None:
    """Requirement V10: without JavaScript, too, on the requester's side. All pages on the way are in order."""
    finn = enter(hub, window(browser, DESKTOP, scale=1), "finn")
    plain = browser.new_context(java_script_enabled=False, storage_state=finn.context.storage_state())
    page = plain.new_page()
    page.goto(f"{hub.front}/hub/request-access?owner=alice")
    page.get_by_role("button", name="Request access").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("You requested access on")
    plain.close()
    for path, name in (
        ("/hub/request-access?owner=alice", "requested"),
        ("/hub/request-access?owner=eve", "request"),
    ):
        finn.goto(hub.front + path)
        examine(finn, name, screenshots)
    finn.goto(f"{hub.front}/hub/user/alice/lab")
    expect(finn.get_by_role("status")).to_contain_text("You requested access on")
    alice.goto(f"{hub.front}/hub/home")
    expect(alice.get_by_text("1 user requests access to your servers.")).to_be_visible()
    examine(alice, "home-request", screenshots)
    alice.get_by_role("link", name="1 user requests").press("Enter")
    row = alice.get_by_role("listitem").filter(has_text="finn")
    expect(row.get_by_role("button")).to_have_text(["Accept", "Decline"])
    examine(alice, "mine-request", screenshots)
    row.get_by_label("Access").press("ArrowUp")
    row.get_by_role("button", name="Accept").press("Enter")
    expect(alice.get_by_role("status")).to_have_text("Request accepted. They can now open your server.")
    expect(alice.get_by_role("row").filter(has_text="finn")).to_contain_text("can view")
    finn.goto(f"{hub.front}/user/alice/files/none")
    expect(finn.get_by_role("heading", level=1)).to_have_text("Open alice's server")
    finn.context.close()
    hub.revoke("finn")


def test_guest_starts_and_stops_the_shared_server_from_home(hub: Paged, zoe: Page, screenshots: Path) -> None:
    """Requirement 116: Home starts it, the page of the start is the guest's own, and Home stops it after a question."""
    with hub.holding_starts():
        started = zoe.context.new_page()  # it leads to the server, once it runs
        started.goto(f"{hub.front}/hub/home")
        started.get_by_role("listitem").filter(has_text="shared's server").get_by_role(
            "link", name="Start", exact=True
        ).click()
        expect(started.get_by_role("heading", level=1)).to_have_text("shared's server is starting")
        expect(started.locator("#login_widget")).to_contain_text("zoe")
        examine(started, "starting", screenshots)
    zoe.goto(f"{hub.front}/hub/home")
    row = zoe.get_by_role("listitem").filter(has_text="shared's server")
    wait_until(lambda: bool(zoe.reload()) and "running" in row.inner_text())
    expect(row.get_by_role("link", name="Open", exact=True)).to_have_attribute("href", "/user/shared/")
    row.get_by_text("Stop", exact=True).focus()
    zoe.keyboard.press("Enter")
    expect(row.get_by_text("Everyone will be disconnected")).to_be_visible()
    examine(zoe, "home-stop", screenshots)
    with zoe.expect_event("load"):
        stop(zoe, lambda: row.get_by_role("button", name="Stop server").press("Enter"))
    wait_until(lambda: bool(zoe.reload()) and "stopped" in row.inner_text())


def stop(page: Page, press: Callable[[], None]) -> None:
    """Press a button, and expect it to stop the shared server and nothing else."""
    with page.expect_request(lambda request: request.method == "DELETE") as sent:
        press()
    assert sent.value.url.endswith("/hub/api/users/shared/server")
    answer = sent.value.response()
    assert answer is not None
    assert answer.ok
