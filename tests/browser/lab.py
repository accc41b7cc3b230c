# SPDX-License-Identifier: GPL-3.0-or-later
"""JupyterLab in a real browser, as the person in front of it sees and handles it."""

import re
from datetime import timedelta

from playwright.sync_api import Locator, Page, expect

ENTRY = "/hub/spawn/shared"
# Where the browsers are, by their clocks: half an hour off, so that no machine's own clock passes for it.
TIME_ZONE, UTC_OFFSET = "Asia/Kolkata", timedelta(hours=5, minutes=30)
TOP = "#jp-top-panel"
START_TIMEOUT = 120_000  # milliseconds until a server that somebody asked for must be there


def log_in(page: Page, name: str, password: str) -> None:
    """Fill in the hub's login form, which has to be what the page shows, and send it."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def come(page: Page, address: str, name: str, password: str) -> "Lab":
    """Go to an address that leads to a server, and log in."""
    page.goto(address)
    log_in(page, name, password)
    # Whoever comes to the server of another account is asked whether it may know who they are.
    authorize = page.get_by_role("button", name="Authorize")
    authorize.or_(page.locator(TOP)).wait_for(timeout=START_TIMEOUT)
    if authorize.is_visible():
        authorize.click()
    return Lab(page, name)


class Lab:
    """A browser window in which somebody has come to the JupyterLab of a server."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name
        page.locator(TOP).wait_for(timeout=START_TIMEOUT)
        expect(page.locator("#jupyterlab-splash")).to_have_count(0)

    @property
    def badge(self) -> Locator:
        """The round icon with the person's own initials."""
        return self.page.locator("#jp-UserMenu .lm-MenuBar-itemIcon").first

    @property
    def colour(self) -> str:
        """The colour that the others see the person's cursor in."""
        return str(self.badge.evaluate("icon => getComputedStyle(icon).backgroundColor"))

    @property
    def collaborators(self) -> Locator:
        """The entries of the panel that lists who else is there; each shows initials and a name."""
        return self.page.locator(".jp-CollaboratorsPanel .jp-CollaboratorHeader")

    def flag(self, name: str) -> Locator:
        """The flag with somebody's name at their cursor. It fades after two seconds without a movement."""
        return self.page.locator(".jp-remote-userFlag", has_text=name)

    # The top of the window

    @property
    def buttons(self) -> Locator:
        """The buttons at the top right, left of one's own initials."""
        return self.page.locator("#jp-top-bar .jp-ToolbarButtonComponent")

    def show_menu(self, title: str) -> None:
        """Open a menu of the menu bar."""
        self.page.get_by_role("menuitem", name=title, exact=True).click()

    # The sides of the window. All who share a server share one layout: what one has open, the next finds open.

    def show_panel(self, title: str) -> None:
        """Open a panel of the left side by the title of its tab, if it is not open."""
        tab = self._side_tab(title)
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")

    def _side_tab(self, title: str) -> Locator:
        return self.page.locator(".jp-SideBar.jp-mod-left").get_by_role("tab", name=re.compile(title)).first

    # Notebooks

    def open(self, name: str) -> None:
        """Open a notebook from the file browser and wait until its kernel is there."""
        self.show_panel("File Browser")
        self.page.locator("#filebrowser .jp-DirListing-item", has_text=name).dblclick()
        self.expect_open(name)

    def expect_open(self, name: str) -> None:
        """Wait until a notebook is in front, with its kernel."""
        expect(self.page.locator(".jp-mod-current[role=tab]", has_text=name)).to_be_visible()
        # The notebook's own sign of the kernel hides behind a menu in narrow windows.
        expect(self.page.locator("#jp-bottom-panel")).to_contain_text("| Idle")

    def close_others(self) -> None:
        """Close every tab of the main area but the one in front."""
        others = self.page.locator("#jp-main-dock-panel [role=tab]:not(.jp-mod-current)")
        while others.count():
            before = others.count()
            others.first.hover()
            others.first.locator(".lm-TabBar-tabCloseIcon").click()
            expect(others).to_have_count(before - 1)

    def cell(self, index: int) -> "Cell":
        """A cell of the notebook in front, counted from 0."""
        return Cell(self, self._notebook.locator(".jp-Notebook .jp-Cell").nth(index))

    @property
    def _notebook(self) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


class Cell:
    """A code cell in the window of one person."""

    def __init__(self, lab: Lab, box: Locator) -> None:
        self.lab = lab
        self.text = box.locator(".jp-InputArea-editor .cm-content")
        self.output = box.locator(".jp-OutputArea-output")
        self.cursors = box.locator(".jp-remote-cursor")  # those of others

    def enter(self) -> None:
        """Click into the cell and go to its end."""
        self.text.click()
        self.text.press("Control+End")

    def type(self, text: str) -> None:
        """Enter the cell and type, key by key."""
        self.enter()
        self.text.press_sequentially(text)

    def run(self) -> None:
        """Click into the cell and press what runs it."""
        self.text.click()
        self.text.press("Control+Enter")
