# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: the demo's hub in a container, Chromium, and alice and bob with the shared server open."""

import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import evidence
from browser import demo as demos
from browser import watched
from browser.lab import Lab, come
from browser.windows import WIDE, chromium, window
from ports import free_port
from scenario import PASSWORDS, ROOT, Platform
from tiers import LONG, leave_out_long

HUB = "collab-browser"
# This one starts a hub of its own.
collect_ignore = [] if LONG else ["test_domains.py"]
SCREENSHOTS = ROOT / ".cache/results/screenshots"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("browser")
    group.addoption("--keep", action="store_true", help="leave the hub's container running")
    where = "folder for the pictures of the README and the documentation"
    group.addoption("--screenshots", type=Path, default=SCREENSHOTS, help=where)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_long(config, items)


in_container = partial(demos.in_container, HUB)


@pytest.fixture(scope="session")
def demo(request: pytest.FixtureRequest) -> Iterator[str]:
    """Start the demo with chats, on which vera can view bob's server, and yield its output. No server has been started on its hub yet."""
    keep = request.config.getoption("keep")
    viewers = [{"owner": "bob", "users": ["vera"], "level": "view"}]
    settings = {"jupyterhub_server_access": viewers, "jupyterhub_rtc_chat": True}
    with demos.demo_hub(HUB, free_port(), keep=keep, **settings) as told:
        yield told


@pytest.fixture(scope="session")
def entry(demo: str) -> str:
    """Return the URL that the demo prints."""
    told = re.search(r"http://127\.0\.0\.1:\d+/hub/spawn/shared", demo)
    assert told, demo
    return told[0]


@pytest.fixture(scope="session")
def passwords(demo: str) -> dict[str, str]:
    """Return the passwords: those that the demo prints for alice and bob, and mallory's, whose host account must not use the hub."""
    in_container("useradd", "--create-home", "mallory")
    in_container("chpasswd", given=f"mallory:{PASSWORDS['mallory']}\n")
    return {**dict(re.findall(r"user (\w+)\s+password (\w+)", demo)), "mallory": PASSWORDS["mallory"]}


@pytest.fixture(scope="session")
def hub_url(demo: str) -> str:
    """Return a URL of the hub that is not localhost, so that browsers treat it as insecure."""
    assert demo
    return f"http://{Platform(HUB, demos.IMAGE).address}:8000"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Debian's Chromium, headless."""
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    with chromium() as browser:
        yield browser


@pytest.fixture
def screenshots(request: pytest.FixtureRequest) -> Path:
    """Return the folder for screenshots."""
    folder = Path(request.config.getoption("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """Open a window of a person who is not logged in."""
    page = window(browser)
    yield page
    page.context.close()


@pytest.fixture(scope="session")
def alice(browser: Browser, entry: str, passwords: dict[str, str]) -> Lab:
    """Open the shared server as alice. She is the first, so this starts the server."""
    return come(window(browser), entry, "alice", passwords["alice"])


@pytest.fixture(scope="session")
def bob(browser: Browser, entry: str, passwords: dict[str, str], alice: Lab) -> Lab:
    """Open the shared server as bob, when it is already running."""
    return come(window(browser), entry, "bob", passwords["bob"])


def open_copy(name: str, *labs: Lab) -> None:
    """Copy the shared account's Welcome.ipynb, and have only the copy open in these windows."""
    in_container("runuser", "-u", "shared", "--", "cp", "/home/shared/Welcome.ipynb", f"/home/shared/{name}")
    for lab in labs:
        lab.open(name)
        lab.close_others()


@pytest.fixture(scope="module")
def owner(browser: Browser, hub_url: str, passwords: dict[str, str]) -> Iterator[Lab]:
    """Open alice's own server in another window."""
    page = window(browser, WIDE, scale=1)
    yield come(page, f"{hub_url}/hub/spawn/alice", "alice", passwords["alice"])
    page.context.close()


@pytest.fixture(scope="module")
def visitor(browser: Browser) -> Iterator[Page]:
    """Open another window for bob, in which he is not logged in yet."""
    page = window(browser, WIDE, scale=1)
    yield page
    page.context.close()


def pytest_collection_finish(session: pytest.Session) -> None:
    evidence.forget(["browser"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """If a test fails, keep a screenshot, the console and a trace of every window, and the journals of hub and servers."""
    report = yield
    folder = evidence.folder_of(item, "browser")
    if report.failed:
        evidence.report_journals(report, HUB, folder)
    watched.end_of_test(report, folder)
    return report
