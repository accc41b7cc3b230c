# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub in a container, Chromium in front of it, and alice and bob who have come to the shared server."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from browser.lab import Lab, come
from browser.windows import WIDE, chromium, window
from scenario import PASSWORDS, ROOT, Platform, play

HUB = Platform("collab-browser", "collab-hub:bookworm-hub6")
LABEL = "collab.scenario=browser"
# What the homes of the shared account and of alice hold before the first person comes: notebooks, and no prompt about
# news.
HOME = Path(__file__).parent / "home"
SCREENSHOTS = ROOT / ".cache/results/screenshots"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("browser")
    group.addoption("--keep", action="store_true", help="leave the hub's container running")
    where = "folder for the pictures of the README and of the documents"
    group.addoption("--screenshots", type=Path, default=SCREENSHOTS, help=where)


def containers(*arguments: str) -> None:
    subprocess.run([sys.executable, ROOT / "tests/images/containers.py", *arguments], check=True)


def in_container(*command: str) -> str:
    """Run a command on the hub's host, and return what it prints."""
    inside = ["podman", "exec", HUB.name, *command]
    return subprocess.run(inside, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def entry(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address that the play tells to give to users. Nobody has started a server on this hub yet."""
    try:
        containers("up", HUB.name, HUB.image, f"--label={LABEL}")
        done = play("jupyter_rtc", HUB.name, jupyterhub_rtc_public_url=f"http://{HUB.address}:8000")
        told = re.search(r"Address for the users: ([^\s\"]+)", done.output)
        assert told, done.output
        for owner in ("shared", "alice"):
            subprocess.run(["podman", "cp", f"{HOME}/.", f"{HUB.name}:/home/{owner}"], check=True)
            in_container("chown", "-R", f"{owner}:", f"/home/{owner}")
        yield told[1]
    finally:
        if not request.config.getoption("keep"):
            containers("down", LABEL)


@pytest.fixture(scope="session")
def hub_url(entry: str) -> str:
    parts = urlsplit(entry)
    return f"{parts.scheme}://{parts.netloc}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    with chromium() as browser:
        yield browser


@pytest.fixture
def screenshots(request: pytest.FixtureRequest) -> Path:
    """The folder that pictures are wanted in."""
    folder = Path(request.config.getoption("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """The window of somebody who is not logged in."""
    page = window(browser)
    yield page
    page.context.close()


@pytest.fixture(scope="session")
def alice(browser: Browser, entry: str) -> Lab:
    """She comes first, so her coming starts the shared server."""
    return come(window(browser), entry, "alice", PASSWORDS["alice"])


@pytest.fixture(scope="session")
def bob(browser: Browser, entry: str, alice: Lab) -> Lab:
    """He comes when the shared server runs already."""
    return come(window(browser), entry, "bob", PASSWORDS["bob"])


@pytest.fixture(scope="module")
def owner(browser: Browser, hub_url: str) -> Iterator[Lab]:
    """Alice on her own server, in another window."""
    page = window(browser, WIDE, scale=1)
    yield come(page, f"{hub_url}/hub/spawn/alice", "alice", PASSWORDS["alice"])
    page.context.close()


@pytest.fixture(scope="module")
def visitor(browser: Browser) -> Iterator[Page]:
    """Another window of bob's, in which he has not logged in yet."""
    page = window(browser, WIDE, scale=1)
    yield page
    page.context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """After a failure: a picture of every window, and what the hub said meanwhile."""
    report = yield
    if not report.failed:
        return report
    browser = getattr(item, "funcargs", {}).get("browser")
    pages = [page for context in browser.contexts for page in context.pages] if browser else []
    for number, page in enumerate(pages):
        file = SCREENSHOTS / f"{item.name}-{number}.png"
        page.screenshot(path=file)
        report.sections.append((f"window {number}", f"{page.url}\n{file}"))
    since = f"--since=-{int(call.duration) + 2}s"
    journal = ["journalctl", "--no-pager", "--lines=60", "--unit=jupyterhub*", since]
    done = subprocess.run(["podman", "exec", HUB.name, *journal], check=False, capture_output=True, text=True)
    report.sections.append((f"the hub's journal on {HUB.name}", done.stdout))
    return report
