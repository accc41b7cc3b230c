# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's Chromium in headless mode, and its windows."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from browser.lab import TIME_ZONE
from browser.looks import Theme
from browser.watched import Watched

WINDOW: ViewportSize = {"width": 720, "height": 560}
SCALE = 1.1  # makes the picture of a window 792 pixels wide
WIDE: ViewportSize = {"width": 960, "height": 600}
DOMAIN = "hub.test"  # stands for this machine, and so do all names below it
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    f"--host-resolver-rules=MAP {DOMAIN} 127.0.0.1, MAP *.{DOMAIN} 127.0.0.1",
    "--no-first-run",
    "--no-sandbox",  # Chromium's sandbox does not work as root, and the tests only visit the hub
]
PATIENCE = 30_000  # milliseconds for everything except a server's start; long enough for two slow cores


@contextmanager
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    # Playwright leaves the recordings of closed windows there.
    with tempfile.TemporaryDirectory(prefix="collab-browser-", ignore_cleanup_errors=True) as place:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("TMPDIR", place)
            playwright = sync_playwright().start()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()
        playwright.stop()


def window(
    browser: Browser,
    size: ViewportSize = WINDOW,
    scale: float = SCALE,
    theme: Theme = "light",
) -> Page:
    """Open a window with no cookies or other stored state. theme: the one that the person prefers on all pages that ask for it."""
    context = browser.new_context(
        viewport=size,
        device_scale_factor=scale,
        color_scheme=theme,
        reduced_motion="reduce",  # colors and places are final as soon as something is there
        timezone_id=TIME_ZONE,
    )
    context.set_default_timeout(PATIENCE)
    Watched(context)
    return context.new_page()
