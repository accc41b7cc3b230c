# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement 118, in JupyterLab: what the extension shows can be read and is in the window, on a desktop and a phone, in both themes."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from browser.conftest import in_container
from browser.lab import Lab, come
from browser.looks import DESKTOP, PHONE, Look, Theme
from browser.windows import window

FILE = "Looks.ipynb"
THEMES: tuple[Theme, ...] = ("light", "dark")
LOOKS = [Look(size, theme) for size in (DESKTOP, PHONE) for theme in THEMES]
Shown = Callable[[Lab], AbstractContextManager[Locator]]


@pytest.fixture(scope="module")
def alice_here(browser: Browser, entry: str, passwords: dict[str, str]) -> Iterator[Lab]:
    """Open a notebook on the shared server as alice, in a window of its own."""
    in_container("runuser", "-u", "shared", "--", "cp", "/home/shared/Welcome.ipynb", f"/home/shared/{FILE}")
    page = window(browser, DESKTOP, scale=1)
    alice = come(page, entry, "alice", passwords["alice"])
    alice.open(FILE)
    alice.close_others()
    alice.cell(1).type("# alice")
    yield alice
    page.context.close()


@contextmanager
def people(lab: Lab) -> Iterator[Locator]:
    """Who is here."""
    lab.badge.click()
    yield lab.page.locator(".jp-CollabPeople")
    lab.page.keyboard.press("Escape")


@contextmanager
def offline(lab: Lab) -> Iterator[Locator]:
    lab.page.context.set_offline(True)
    expect(lab.banner).to_contain_text("You are offline")
    yield lab.banner
    lab.page.context.set_offline(False)
    expect(lab.banner).to_be_hidden()


@contextmanager
def history(lab: Lab) -> Iterator[Locator]:
    lab.run_command("Show History")
    panel = lab.page.get_by_role("region", name="History")
    expect(panel.get_by_role("button", name="The history begins")).to_be_visible()
    yield panel


@contextmanager
def version(lab: Lab) -> Iterator[Locator]:
    """What the document was."""
    with history(lab) as panel:
        panel.get_by_role("button", name="The history begins").click()
    shown = lab.page.locator(".jp-CollabVersion")
    expect(shown.locator("section").first).to_be_visible()
    yield shown
    lab.page.keyboard.press("Escape")
    expect(shown).to_have_count(0)


def use_theme(lab: Lab, theme: Theme) -> None:
    lab.run_command(f"Use Theme: JupyterLab {theme.title()}")
    lab.expect_theme(theme)


@pytest.mark.long
@pytest.mark.parametrize("shown", [people, offline, history, version])
@pytest.mark.usefixtures("bob")
def test_part_can_be_read(shown: Shown, alice_here: Lab, screenshots: Path) -> None:
    wrong: dict[str, list[str]] = {}
    page = alice_here.page
    for look in LOOKS:
        page.set_viewport_size(DESKTOP)
        use_theme(alice_here, look.theme)
        page.set_viewport_size(look.size)
        found = wrong.setdefault(str(look), [])
        # Before anything is clicked, because that would scroll to it.
        found += [f"badge: {fault}" for fault in look.faults(alice_here.badge, 0)]
        with shown(alice_here) as part:
            look.keep(page, f"look-{shown.__name__}", screenshots)
            found += look.faults(part)
    page.set_viewport_size(DESKTOP)
    use_theme(alice_here, "light")
    assert not any(wrong.values()), wrong
