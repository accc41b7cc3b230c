# SPDX-License-Identifier: GPL-3.0-or-later
"""The sharing page in a real browser, as its user sees and operates it."""

import re
from datetime import datetime

from playwright.sync_api import Locator, Page, expect

PATH = "/services/sharing/"
LEGIBLE = 4.5  # the minimum contrast of text for level AA of WCAG 2

# For each element that directly contains text: the text, its color, and the background colors of the element and all its ancestors.
# The hub's own orange buttons and texts for screen readers only are left out.
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
    """A browser window that shows the sharing page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        expect(page.get_by_role("heading", name="Sharing", exact=True)).to_be_visible()

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press a button and wait for the next page."""
        with self.page.expect_event("load"):
            (within or self.page).get_by_role("button", name=name, exact=True).click()

    def refresh(self) -> None:
        """Follow the link *Refresh*, which reloads the page."""
        with self.page.expect_event("load"):
            self.page.get_by_role("link", name="Refresh", exact=True).click()

    @property
    def controls(self) -> Locator:
        """All links, buttons and fields in the visible tab."""
        kinds = ("a", "button", "input", "select")
        return self.page.locator("#sharing").locator(", ".join(f"{kind}:visible" for kind in kinds))

    @property
    def notice(self) -> Locator:
        """The page's message about the last action."""
        return self.page.locator("#sharing > [role=status]")

    @property
    def faint_texts(self) -> list[str]:
        """The texts whose contrast is too low."""
        return faint_texts(self.page.locator("#sharing"))

    # My servers

    @property
    def server(self) -> Locator:
        """The section about the user's default server."""
        return self.page.get_by_role("region", name="My server", exact=True)

    @property
    def life(self) -> Locator:
        return self.server.get_by_label("Valid for")

    @property
    def level(self) -> Locator:
        """What a new link gives."""
        return self.server.get_by_label("Access", exact=True).first

    @property
    def document(self) -> Locator:
        return self.server.get_by_label("Open this file")

    def make_link(self, document: str) -> str:
        """Create a sharing link to a file, and return it."""
        self.document.fill(document)
        self.press("Create link")
        return self.new_link.input_value()

    @property
    def new_link(self) -> Locator:
        """The field with the new link."""
        return self.server.get_by_label("Your new link")

    @property
    def copy(self) -> Locator:
        """The button next to the new link. Its label changes when the link has been copied."""
        return self.server.get_by_role("button", name=re.compile("^(Copy|Copied)$"))

    @property
    def links(self) -> Locator:
        """The rows of valid links."""
        return self._rows("Valid links")

    @property
    def unused_links(self) -> Locator:
        return self.links.filter(has_text="never")

    @property
    def guests(self) -> Locator:
        """The rows of users who can open the server."""
        return self._rows("Users with access to this server")

    # Shared with me

    @property
    def shared_with_me(self) -> Locator:
        """The rows of other users' servers."""
        return self._rows("Servers shared with you")

    def tab(self, title: str) -> Locator:
        return self.page.get_by_role("tab", name=title)

    def _rows(self, table: str) -> Locator:
        rows = self.page.get_by_role("table", name=table, exact=True).get_by_role("row")
        return rows.filter(has=self.page.get_by_role("cell"))


def faint_texts(part: Locator) -> list[str]:
    """Return the texts in a part of a page whose contrast is too low."""
    texts = part.evaluate(TEXTS)
    assert texts
    return [text for text, colour, backgrounds in texts if _contrast(colour, backgrounds) < LEGIBLE]


def shown_time(cell: Locator) -> datetime:
    """Return the time that a cell shows, in the browser's time zone."""
    text = cell.locator("time").inner_text().replace("\N{NARROW NO-BREAK SPACE}", " ")
    return datetime.strptime(text, "%b %d, %Y, %I:%M %p")


def _contrast(colour: str, backgrounds: list[str]) -> float:
    """Return the contrast between text and background, as WCAG 2 defines it. `backgrounds` are ordered from front to back."""
    behind: tuple[float, ...] = (255.0, 255.0, 255.0)
    for background in reversed(backgrounds):
        behind = _over(background, behind)
    dark, light = sorted(_luminance(each) for each in (behind, _over(colour, behind)))
    return (light + 0.05) / (dark + 0.05)


def _over(colour: str, behind: tuple[float, ...]) -> tuple[float, ...]:
    """Return the visible color of a CSS color, which may be translucent, in front of another one."""
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
