# SPDX-License-Identifier: GPL-3.0-or-later
"""The sharing page in a real browser, as the person in front of it sees and handles it."""

import re
from datetime import datetime

from playwright.sync_api import Locator, Page, expect

PATH = "/services/sharing/"
LEGIBLE = 4.5  # the least contrast of text that WCAG 2 takes at level AA

# Every element with text of its own: the text, its color, and the backgrounds from there to the whole page's. The
# hub's own orange buttons are left out, as are texts that only screen readers have.
TEXTS = """root => [...root.querySelectorAll("*:not(.btn-jupyter, .visually-hidden, option)")]
    .filter(element => element.checkVisibility() && [...element.childNodes].some(
        node => node.nodeType == Node.TEXT_NODE && node.data.trim()))
    .map(element => {
        const backgrounds = [];
        for (let each = element; each; each = each.parentElement)
            backgrounds.push(getComputedStyle(each).backgroundColor);
        return [element.innerText, getComputedStyle(element).color, backgrounds];
    })"""


class SharingPage:
    """A browser window that shows the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        expect(page.get_by_role("heading", name="Sharing", exact=True)).to_be_visible()

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press a button and wait for the page that the hub answers with."""
        with self.page.expect_event("load"):
            (within or self.page).get_by_role("button", name=name, exact=True).click()

    def refresh(self) -> None:
        """Follow the link that shows the page as things are now."""
        with self.page.expect_event("load"):
            self.page.get_by_role("link", name="Refresh", exact=True).click()

    def tab_to(self, control: Locator) -> None:
        """Press Tab until a control has the focus."""
        for _ in range(self.page.locator("a, button, input, select, [tabindex]").count()):
            if control.evaluate("control => control == document.activeElement"):
                break
            self.page.keyboard.press("Tab")
        expect(control).to_be_focused()

    @property
    def controls(self) -> Locator:
        """Whatever can be pressed or filled in, on the side that is shown."""
        kinds = ("a", "button", "input", "select")
        return self.page.locator("#sharing").locator(", ".join(f"{kind}:visible" for kind in kinds))

    @property
    def notice(self) -> Locator:
        """What the page says about what was pressed last."""
        return self.page.locator("#sharing > [role=status]")

    @property
    def faint_texts(self) -> list[str]:
        """The texts that are hard to read on what is behind them."""
        texts = self.page.locator("#sharing").evaluate(TEXTS)
        assert texts
        return [text for text, colour, backgrounds in texts if _contrast(colour, backgrounds) < LEGIBLE]

    # My servers

    @property
    def server(self) -> Locator:
        """The box of one's default server."""
        return self.page.get_by_role("region", name="My server", exact=True)

    @property
    def life(self) -> Locator:
        return self.server.get_by_label("Valid for")

    @property
    def document(self) -> Locator:
        return self.server.get_by_label("Opens this file")

    def make_link(self, document: str) -> str:
        """Make a link that leads to a file, and return it."""
        self.document.fill(document)
        self.press("Create link")
        return self.new_link.input_value()

    @property
    def new_link(self) -> Locator:
        """The field with the link that has just been made."""
        return self.server.get_by_label("Your new link")

    @property
    def copy(self) -> Locator:
        """The button beside the new link, which says when it has copied it."""
        return self.server.get_by_role("button", name=re.compile("^(Copy|Copied)$"))

    @property
    def links(self) -> Locator:
        """The rows of the links that are valid."""
        return self._rows("Valid links")

    @property
    def unused_links(self) -> Locator:
        return self.links.filter(has_text="never")

    @property
    def guests(self) -> Locator:
        """The rows of those who can open the server."""
        return self._rows("Users with access to this server")

    # Shared with me

    @property
    def shared_with_me(self) -> Locator:
        """The rows of the servers of others."""
        return self._rows("Servers shared with you")

    def tab(self, title: str) -> Locator:
        return self.page.get_by_role("tab", name=title)

    def _rows(self, table: str) -> Locator:
        rows = self.page.get_by_role("table", name=table, exact=True).get_by_role("row")
        return rows.filter(has=self.page.get_by_role("cell"))


def shown_time(cell: Locator) -> datetime:
    """The moment that a cell shows, in the time zone of the browser."""
    text = cell.locator("time").inner_text().replace("\N{NARROW NO-BREAK SPACE}", " ")
    return datetime.strptime(text, "%b %d, %Y, %I:%M %p")


def _contrast(colour: str, backgrounds: list[str]) -> float:
    """The contrast of a text, as WCAG 2 defines it, with backgrounds of which the last one is behind all others."""
    behind: tuple[float, ...] = (255.0, 255.0, 255.0)
    for background in reversed(backgrounds):
        behind = _over(background, behind)
    dark, light = sorted(_luminance(each) for each in (behind, _over(colour, behind)))
    return (light + 0.05) / (dark + 0.05)


def _over(colour: str, behind: tuple[float, ...]) -> tuple[float, ...]:
    """What one sees of a CSS color, which may be translucent, above another one."""
    red, green, blue, *alpha = (float(number) for number in re.findall(r"[\d.]+", colour))
    opacity = alpha[0] if alpha else 1
    return tuple(
        above * opacity + below * (1 - opacity)
        for above, below in zip((red, green, blue), behind, strict=True)
    )


def _luminance(colour: tuple[float, ...]) -> float:
    shares = (channel / 255 for channel in colour)
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
