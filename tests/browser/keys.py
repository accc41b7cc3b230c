# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages by keyboard alone."""

from playwright.sync_api import Locator, expect

FOCUSABLE = "a, button, input, select, summary, [tabindex], [contenteditable]"


def tab_to(control: Locator) -> None:
    """Press Tab until a control has the focus. In an editor, where Tab indents, press Escape first."""
    page = control.page
    expect(control).to_be_visible()
    for _ in range(page.locator(FOCUSABLE).count()):
        if control.evaluate("control => control == document.activeElement"):
            break
        if page.evaluate("document.activeElement.isContentEditable"):
            page.keyboard.press("Escape")
        page.keyboard.press("Tab")
    expect(control).to_be_focused()
