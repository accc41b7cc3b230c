# SPDX-License-Identifier: GPL-3.0-or-later
"""JupyterLab in a real browser, as the person in front of it sees and handles it."""

import re
from datetime import timedelta

from playwright.sync_api import Locator, Page, expect

from scenario import wait_until

ENTRY = "/hub/spawn/shared"
# Where the browsers are, by their clocks: half an hour off, so that no machine's own clock passes for it.
TIME_ZONE, UTC_OFFSET = "Asia/Kolkata", timedelta(hours=5, minutes=30)
TOP = "#jp-top-panel"
RUNS = 4  # how often a cell is run until there is an output
OUTPUT_TIMEOUT = 5_000  # milliseconds after which it is run again
START_TIMEOUT = 120_000  # milliseconds until a server that someone asked for must be there


def log_in(page: Page, name: str, password: str) -> None:
    """Fill in the hub's login form, which has to be what the page shows, and send it."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def come(page: Page, address: str, name: str, password: str) -> "Lab":
    """Go to an address that leads to a server, and log in."""
    page.goto(address)
    log_in(page, name, password)
    # The hub asks visitors of another account's server whether it may identify them.
    authorize = page.get_by_role("button", name="Authorize")
    authorize.or_(page.locator(TOP)).wait_for(timeout=START_TIMEOUT)
    if authorize.is_visible():
        authorize.click()
    return Lab(page, name)


class Lab:
    """A browser window in which someone has come to the JupyterLab of a server."""

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
        """The color that the others see the person's cursor in."""
        return str(self.badge.evaluate("icon => getComputedStyle(icon).backgroundColor"))

    @property
    def collaborators(self) -> Locator:
        """The entries of the panel that lists who else is there; each shows initials and a name."""
        return self.page.locator(".jp-CollaboratorsPanel .jp-CollaboratorHeader")

    def flag(self, name: str) -> Locator:
        """The flag with someone's name at their cursor, where that was last. It fades after two seconds without a movement."""
        return self.page.locator(".jp-remote-userFlag", has_text=name).last

    # The top of the window

    @property
    def buttons(self) -> Locator:
        """The buttons at the top right, left of one's own initials."""
        return self.page.locator("#jp-top-bar .jp-ToolbarButtonComponent")

    def show_menu(self, title: str) -> None:
        """Open a menu of the menu bar."""
        self.page.get_by_role("menuitem", name=title, exact=True).click()

    def dismiss_when_away(self) -> None:
        """From now on put aside what JupyterLab asks when its server is away, as people do who want to go on."""
        # The second is what JupyterLab makes of a proxy that has not been told yet where the server is.
        away = re.compile("Server unavailable or unreachable|Directory not found")
        question = self.page.locator(".jp-Dialog", has_text=away).last
        way_out = question.get_by_role("button", name=re.compile("Dismiss|OK|Close", re.I))
        # One may come after another.
        self.page.add_locator_handler(question, way_out.click, no_wait_after=True)

    def start_again(self, address: str) -> None:
        """Go to the address that leads to the server, which starts it, in another tab; that is closed when the server is there."""
        tab = self.page.context.new_page()
        tab.goto(address)
        tab.locator(TOP).wait_for(timeout=START_TIMEOUT)
        tab.close()

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

    def cell(self, index: int) -> "Cell":
        """A cell of the notebook in front, counted from 0."""
        return Cell(self, self._notebook.locator(".jp-Notebook .jp-Cell").nth(index))

    @property
    def _notebook(self) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    # Text files

    def open_file(self, name: str) -> None:
        """Open a text file, which may be new, from the file browser and wait until it is in front."""
        self.show_panel("File Browser")
        self.page.locator("#filebrowser").get_by_role("button", name="Refresh the file browser").click()
        self.page.locator("#filebrowser .jp-DirListing-item", has_text=name).dblclick()
        expect(self.page.locator(".jp-mod-current[role=tab]", has_text=name)).to_be_visible()

    @property
    def file(self) -> "Editor":
        """The text file in front."""
        return Editor(self, self.page.locator(".jp-Document:not(.lm-mod-hidden) .jp-FileEditor"))

    # Tabs

    def show(self, name: str) -> None:
        """Bring what is open to the front."""
        self.page.locator("#jp-main-dock-panel [role=tab]", has_text=name).click()

    def close_others(self) -> None:
        """Close every tab of the main area but the one in front."""
        others = self.page.locator("#jp-main-dock-panel [role=tab]:not(.jp-mod-current)")
        while others.count():
            before = others.count()
            others.first.hover()
            others.first.locator(".lm-TabBar-tabCloseIcon").click()
            expect(others).to_have_count(before - 1)


class Editor:
    """A text that several people type into, in the window of one of them."""

    def __init__(self, lab: Lab, box: Locator) -> None:
        self.lab = lab
        self.text = box.locator(".cm-content")
        self.cursors = box.locator(".jp-remote-cursor")  # those of others

    def enter(self, at: str = "End") -> None:
        """Click into the text and go to its end, or to where another key with Control leads."""
        self.text.click()
        self.text.press(f"Control+{at}")

    def type(self, text: str, at: str = "End") -> None:
        """Enter and type, key by key."""
        self.enter(at)
        self.text.press_sequentially(text)

    def expect_cursor_of(self, other: Lab) -> None:
        """There is one cursor here, in someone's color, and their name at it."""
        expect(self.cursors).to_have_count(1)
        expect(self.cursors).to_have_css("border-left-color", other.colour)
        flag = self.lab.flag(other.name)
        expect(flag).to_have_css("border-color", other.colour)

        def flag_is_at_cursor() -> bool:
            # Both are drawn anew when someone moves, so for a moment one may not be there.
            place, name = self.cursors.bounding_box(), flag.bounding_box()
            return bool(
                place and name and abs(name["x"] - place["x"]) < 20 and 0 < place["y"] - name["y"] < 40
            )

        wait_until(flag_is_at_cursor)


class Cell(Editor):
    """A code cell."""

    def __init__(self, lab: Lab, box: Locator) -> None:
        super().__init__(lab, box.locator(".jp-InputArea-editor"))
        self.output = box.locator(".jp-OutputArea-output")

    def run(self) -> None:
        """Click into the cell and press what runs it."""
        self.text.click()
        self.text.press("Control+Enter")

    def run_until(self, output: str) -> None:
        """Run the cell again where nothing comes of it: it was for a kernel of which the window did not know yet that it is gone."""
        for left in reversed(range(RUNS)):
            self.run()
            try:
                expect(self.output).to_contain_text(output, timeout=None if left == 0 else OUTPUT_TIMEOUT)
                return
            except AssertionError:
                if left == 0:
                    raise
