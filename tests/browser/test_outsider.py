# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see who are not allowed to use the hub."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from browser.lab import log_in


def test_mallory_is_refused_at_the_login_page(
    stranger: Page, entry: str, hub_url: str, passwords: dict[str, str]
) -> None:
    """A person with an account on the host and the right password cannot log in without permission to use the hub."""
    stranger.goto(entry)
    log_in(stranger, "mallory", passwords["mallory"])
    expect(stranger.locator(".login_error")).to_have_text(re.compile("Invalid username or password"))
    stranger.goto(hub_url + "/user/shared/lab")
    expect(stranger.get_by_label("Password")).to_be_visible()
    assert urlsplit(stranger.url).path == "/hub/login"
