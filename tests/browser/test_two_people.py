# SPDX-License-Identifier: GPL-3.0-or-later
"""What alice and bob see of each other in JupyterLab on the shared server."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from browser.conftest import in_container
from browser.lab import Lab, come
from browser.windows import window
from people import Hub

FIRST, SECOND, THIRD = 1, 2, 3  # the code cells of Welcome.ipynb, below its heading


@pytest.fixture(scope="module", autouse=True)
def welcome(alice: Lab, bob: Lab) -> None:
    """Have only Welcome.ipynb open in both windows."""
    for lab in (alice, bob):
        lab.open("Welcome.ipynb")
        lab.close_others()


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_entry_address_leads_to_jupyterlab(who: str, request: pytest.FixtureRequest) -> None:
    """Requirement 12: the URL that the play prints, /hub/spawn/shared, works if the server is running (bob) and if it is not (alice)."""
    lab: Lab = request.getfixturevalue(who)
    assert urlsplit(lab.page.url).path.startswith("/user/shared/lab")
    expect(lab.page.get_by_role("heading", name="Welcome")).to_be_visible()


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_own_initials_are_top_right(who: str, request: pytest.FixtureRequest) -> None:
    """Requirement 43: users see their own initials at the top right."""
    lab: Lab = request.getfixturevalue(who)
    expect(lab.initials).to_have_text(who[:2].title())
    box, window = lab.initials.bounding_box(), lab.page.viewport_size
    assert box and window
    assert box["x"] > window["width"] - 60
    assert box["y"] < 30


def test_colours_are_the_servers_and_stay(
    alice: Lab, bob: Lab, browser: Browser, entry: str, passwords: dict[str, str]
) -> None:
    """Requirement 67: each user has a distinct color, which stays the same in a new browser."""
    assert alice.colour != bob.colour
    page = window(browser)
    again = come(page, entry, "alice", passwords["alice"])
    expect(again.initials).to_have_css("background-color", alice.colour)
    page.context.close()


def test_panel_lists_both(alice: Lab, bob: Lab) -> None:
    """Requirement 44: the panel lists the collaborators present, the user first and everyone else below."""
    for one, other in ((alice, bob), (bob, alice)):
        one.show_panel("Collaboration")
        expect(one.page.locator(".jp-UserInfoPanel .jp-UserInfo-Icon")).to_have_attribute("title", one.name)
        expect(one.collaborators).to_have_count(1)
        expect(one.collaborators).to_contain_text(other.name)
        expect(one.collaborators.locator(".jp-CollaboratorIcon")).to_have_css(
            "background-color", other.colour
        )


def test_each_sees_what_the_other_types(alice: Lab, bob: Lab) -> None:
    """Requirement 42: collaborators see each other's edits live."""
    alice.cell(FIRST).type("# alice was here")
    expect(bob.cell(FIRST).text).to_have_text("# alice was here")
    bob.cell(FIRST).type(", and so was bob")
    expect(alice.cell(FIRST).text).to_have_text("# alice was here, and so was bob")


def test_each_sees_the_other_ones_cursor_and_name(alice: Lab, bob: Lab) -> None:
    """Requirement 67: each cursor has its owner's name and color."""
    alice.cell(SECOND).type("# a")
    bob.cell(THIRD).type("# b")
    for one, other, index in ((alice, bob, THIRD), (bob, alice, SECOND)):
        one.cell(index).expect_cursor_of(other)
        # Other cells show no cursor.
        expect(one.cell(FIRST).cursors).to_have_count(0)


def test_execution_is_shared(alice: Lab, bob: Lab) -> None:
    """Requirement 69: collaborators share one kernel, and everyone sees the output."""
    alice.cell(SECOND).type("\nanswer = 6 * 7\nprint('alice got', answer)")
    alice.cell(SECOND).run()
    expect(bob.cell(SECOND).output).to_have_text("alice got 42")
    bob.cell(THIRD).type("\nprint('bob got', answer + 1)")
    bob.cell(THIRD).run()
    expect(alice.cell(THIRD).output).to_have_text("bob got 43")


def test_text_file_is_edited_by_both(alice: Lab, bob: Lab) -> None:
    """Requirements 42 and 67: text files, too, show collaborators' edits and cursors."""
    in_container("runuser", "-u", "shared", "--", "sh", "-c", "echo '\n' > ~/notes.txt")
    for lab in (alice, bob):
        lab.open_file("notes.txt")
    alice.file.type("alice at the end")
    bob.file.type("bob at the beginning", at="Home")
    for lab, other in ((alice, bob), (bob, alice)):
        expect(lab.file.text).to_have_text("bob at the beginningalice at the end")
        lab.file.expect_cursor_of(other)


def test_windows_go_on_when_the_server_was_stopped_and_started(
    alice: Lab, bob: Lab, hub_url: str, entry: str, passwords: dict[str, str]
) -> None:
    """Requirement V4: people continue to type and run cells after a restart of the server, without a reload. Runs last, because it ends the kernels.

    A banner says what happens, takes no key, and goes when the server is back. No dialog appears.
    """
    for lab in (alice, bob):
        lab.file.enter()
    with Hub(hub_url) as hub:
        hub.login("alice", passwords["alice"]).stop("shared")
    for lab in (alice, bob):
        expect(lab.banner).to_contain_text("shared's server has stopped")
        expect(lab.banner.get_by_role("link", name="Start it")).to_have_attribute(
            "href", re.compile("/hub/spawn/shared$")
        )
    alice.page.keyboard.type(", and again")
    bob.file.type("once more ", at="Home")
    bob.start_again(entry)
    for lab in (alice, bob):
        expect(lab.file.text).to_have_text("once more bob at the beginningalice at the end, and again")
        lab.show("Welcome.ipynb")
        expect(lab.banner).to_contain_text("Welcome.ipynb has a new kernel")
        expect(lab.dialogs).to_have_count(0)
    for one, other, cell in ((alice, bob, SECOND), (bob, alice, THIRD)):
        one.cell(cell).type(f"\nprint('{one.name} again')")
        one.cell(cell).run()
        expect(one.cell(cell).output).to_contain_text(f"{one.name} again")
        expect(one.banner).to_be_hidden()
        expect(other.cell(cell).output).to_contain_text(f"{one.name} again")
