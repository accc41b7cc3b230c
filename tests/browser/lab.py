# SPDX-License-Identifier: GPL-3.0-or-later
"""JupyterLab in a real browser, as its user sees and operates it."""

import re
from datetime import timedelta

from playwright.sync_api import Locator, Page, expect

from scenario import wait_until

ENTRY = "/hub/spawn/shared"
# The browsers' time zone. Its offset includes half an hour, so that a time in the test machine's zone cannot pass for it.
TIME_ZONE, UTC_OFFSET = "Asia/Kolkata", timedelta(hours=5, minutes=30)
TOP = "#jp-top-panel"
START_TIMEOUT = 120_000  # milliseconds until a server must have started


def log_in(page: Page, name: str, password: str) -> None:
    """Fill in the hub's login form, which the page must show, and submit it."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def come(page: Page, address: str, name: str, password: str) -> "Lab":
    """Go to a URL that leads to a server, and log in."""
    page.goto(address)
    log_in(page, name, password)
    return arrive(page, name)


def arrive(page: Page, name: str) -> "Lab":
    """Wait until a server has started and JupyterLab is open."""
    # The hub asks visitors of another account's server whether it may identify them.
    authorize = page.get_by_role("button", name="Authorize")
    authorize.or_(page.locator(TOP)).wait_for(timeout=START_TIMEOUT)
    if authorize.is_visible():
        authorize.click()
    return Lab(page, name)


class Lab:
    """A browser window in which a user has opened a server's JupyterLab."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name
        page.locator(TOP).wait_for(timeout=START_TIMEOUT)
        expect(page.locator("#jupyterlab-splash")).to_have_count(0)

    @property
    def initials(self) -> Locator:
        """The round icon with the user's initials."""
        return self.page.locator("#jp-UserMenu .lm-MenuBar-itemIcon").first

    @property
    def colour(self) -> str:
        """The color in which others see the user's cursor."""
        return str(self.initials.evaluate("icon => getComputedStyle(icon).backgroundColor"))

    @property
    def collaborators(self) -> Locator:
        """The entries of the panel that lists the other collaborators; each shows initials and a name."""
        return self.page.locator(".jp-CollaboratorsPanel .jp-CollaboratorHeader")

    @property
    def banner(self) -> Locator:
        """What the window says above the documents about its connection."""
        return self.page.get_by_role("region", name="Connection")

    @property
    def dialogs(self) -> Locator:
        """JupyterLab's dialogs."""
        return self.page.locator(".jp-Dialog")

    @property
    def copied(self) -> str:
        """The text in the clipboard, which scripts can read on hubs with TLS only."""
        page = self.page.context.new_page()
        page.set_content("<textarea autofocus></textarea>")
        field = page.locator("textarea")
        field.press("Control+V")
        text = field.input_value()
        page.close()
        return text

    def flag(self, name: str) -> Locator:
        """Return the flag with a person's name at their cursor. It fades after two seconds without movement."""
        return self.page.locator(".jp-remote-userFlag", has_text=name).last

    # The top of the window

    @property
    def status_bar(self) -> Locator:
        """The bottom of the window. It has the status of the current document's kernel."""
        return self.page.locator("#jp-bottom-panel")

    @property
    def buttons(self) -> Locator:
        """The buttons at the top right, to the left of the user's initials."""
        return self.page.locator("#jp-top-bar .jp-ToolbarButtonComponent:visible")

    @property
    def badge(self) -> Locator:
        """What says whose server this is, and who is here."""
        return self.page.locator(".jp-CollabBadge").get_by_role("button").first

    def run_command(self, label: str) -> None:
        """Run a command from the command palette, by keyboard."""
        self.page.keyboard.press("Control+Shift+C")
        palette = self.page.get_by_role("search").or_(
            self.page.locator("#command-palette, .jp-ModalCommandPalette")
        )
        expect(palette.first).to_be_visible()
        self.page.keyboard.type(label)
        expect(self.page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text(label)
        self.page.keyboard.press("Enter")

    def expect_theme(self, theme: str) -> None:
        is_light = str(theme == "light").lower()
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)

    def show_menu(self, title: str) -> None:
        """Open a menu of the menu bar."""
        self.page.get_by_role("menuitem", name=title, exact=True).click()

    def start_again(self, address: str) -> None:
        """Start the server by opening its URL in another tab, and close the tab when the server has started."""
        tab = self.page.context.new_page()
        tab.goto(address)
        tab.locator(TOP).wait_for(timeout=START_TIMEOUT)
        tab.close()

    # The sides of the window. Users of a server share its layout, so one finds open what another has opened.

    def show_panel(self, title: str) -> None:
        """Open a panel in the left sidebar by the title of its tab, unless it is open."""
        tab = self._side_tab(title)
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")

    def hide_panels(self) -> None:
        """Close the panel in the left sidebar. On a phone, nothing could be read beside it."""
        open_tab = self.page.locator(".jp-SideBar.jp-mod-left [role=tab][aria-selected=true]")
        if open_tab.count():
            open_tab.click()
        expect(open_tab).to_have_count(0)

    def _side_tab(self, title: str) -> Locator:
        return self.page.locator(".jp-SideBar.jp-mod-left").get_by_role("tab", name=re.compile(title)).first

    # Notebooks

    def open(self, name: str) -> None:
        """Open a notebook from the file browser, and wait until its kernel is ready."""
        self.show_panel("File Browser")
        self.page.locator("#filebrowser .jp-DirListing-item", has_text=name).dblclick()
        self.expect_open(name)

    def expect_open(self, name: str) -> None:
        """Wait until a notebook is the current tab and its kernel is ready."""
        expect(self.page.locator(".jp-mod-current[role=tab]", has_text=name)).to_be_visible()
        # In narrow windows, a menu hides the notebook's own kernel indicator.
        expect(self.status_bar).to_contain_text("| Idle")

    def cell(self, index: int) -> "Cell":
        """Return a cell of the current notebook, counted from 0."""
        return Cell(self, self._notebook.locator(".jp-Notebook .jp-Cell").nth(index))

    @property
    def _notebook(self) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    # Text files

    def open_file(self, name: str) -> None:
        """Open a text file, which may be new, from the file browser, and wait until it is the current tab."""
        self.show_panel("File Browser")
        self.page.locator("#filebrowser").get_by_role("button", name="Refresh the file browser").click()
        self.page.locator("#filebrowser .jp-DirListing-item", has_text=name).dblclick()
        expect(self.page.locator(".jp-mod-current[role=tab]", has_text=name)).to_be_visible()

    @property
    def file(self) -> "Editor":
        """The text file in the current tab."""
        return Editor(self, self.page.locator(".jp-Document:not(.lm-mod-hidden) .jp-FileEditor"))

    # Tabs

    def show(self, name: str) -> None:
        """Switch to an open tab."""
        self.page.locator("#jp-main-dock-panel [role=tab]", has_text=name).click()

    def close_others(self) -> None:
        """Close all tabs in the main area except the current one."""
        others = self.page.locator("#jp-main-dock-panel [role=tab]:not(.jp-mod-current)")
        while others.count():
            before = others.count()
            others.first.hover()
            others.first.locator(".lm-TabBar-tabCloseIcon").click()
            expect(others).to_have_count(before - 1)


class Editor:
    """A text that several people edit, in the window of one of them."""

    def __init__(self, lab: Lab, box: Locator) -> None:
        self.lab = lab
        self.text = box.locator(".cm-content")
        self.cursors = box.locator(".jp-remote-cursor")  # other people's cursors

    def enter(self, at: str = "End") -> None:
        """Click into the text, and press Control and a key: by default End, which goes to the end of the text."""
        self.text.click()
        self.text.press(f"Control+{at}")

    def type(self, text: str, at: str = "End") -> None:
        """Enter the text and type, key by key."""
        self.enter(at)
        self.text.press_sequentially(text)

    def expect_cursor_of(self, other: Lab) -> None:
        """Expect exactly one remote cursor, in the other person's color, with their name at it."""
        expect(self.cursors).to_have_count(1)
        expect(self.cursors).to_have_css("border-left-color", other.colour)
        flag = self.lab.flag(other.name)
        expect(flag).to_have_css("border-color", other.colour)

        def flag_is_at_cursor() -> bool:
            # Both are redrawn when someone moves, so one may be missing for a moment.
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
        """Click into the cell and run it with Control+Enter."""
        self.text.click()
        self.text.press("Control+Enter")
