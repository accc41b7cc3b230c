# SPDX-License-Identifier: GPL-3.0-or-later
"""How people see a page: the size of their window, their theme, and whether they use it by keyboard alone."""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

from playwright.sync_api import FloatRect, Locator, Page, ViewportSize, expect

from browser.keys import tab_to
from browser.sharing import faint_texts

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
Theme = Literal["light", "dark"]
# Pixels
NARROWEST, APART = 200, 4


def touching(controls: Locator) -> list[str]:
    """Return the controls that overlap another one, or are so near that a finger hits both."""
    boxes = {control.inner_text(): control.bounding_box() for control in controls.all()}

    def are_near(one: FloatRect, other: FloatRect) -> bool:
        beside = max(one["x"] - other["x"] - other["width"], other["x"] - one["x"] - one["width"])
        above = max(one["y"] - other["y"] - other["height"], other["y"] - one["y"] - one["height"])
        return max(beside, above) < APART

    pairs = combinations(((name, box) for name, box in boxes.items() if box), 2)
    return [f"{one} and {other}" for (one, here), (other, there) in pairs if are_near(here, there)]


@dataclass(frozen=True)
class Look:
    size: ViewportSize
    theme: Theme
    by_keyboard: bool = False

    def __str__(self) -> str:
        return f"{self.size['width']}-{self.theme}"

    def keep(self, page: Page, name: str, folder: Path, *parts: Locator) -> None:
        """Save a picture of a page, and expect that these parts of it can be read."""
        page.screenshot(path=folder / f"{name}-{self}.png")
        found = [fault for part in parts for fault in self.faults(part)]
        assert not found, found

    def faults(self, part: Locator, narrowest: int = NARROWEST) -> list[str]:
        """Return what cannot be read in a part of a page: faint texts, and the part if it is outside of the window or too narrow."""
        found = [f"faint: {text}" for text in faint_texts(part)]
        box = part.bounding_box()
        if (
            not box
            or box["x"] < 0
            or box["x"] + box["width"] > self.size["width"]
            or box["width"] < narrowest
        ):
            found.append("cut off")
        return found

    def press(self, control: Locator) -> None:
        """Press a button, or follow a link."""
        if self.by_keyboard:
            tab_to(control)
            control.press("Enter")
        else:
            control.click()

    def choose(self, radio: Locator) -> None:
        """Choose one of several radio buttons."""
        if self.by_keyboard:
            group = radio.page.locator(f"input[name='{radio.get_attribute('name')}']")
            tab_to(radio.page.locator(f"input[name='{radio.get_attribute('name')}']:checked"))
            for _ in range(group.count()):
                if radio.is_checked():
                    break
                radio.page.keyboard.press("ArrowDown")
            expect(radio).to_be_checked()
        else:
            radio.check()
