# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub in a container, Chromium in front of it, and alice and bob who have come to the shared server."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from browser.lab import ENTRY, TIME_ZONE, Lab, come
from scenario import PASSWORDS, ROOT, Platform, play

HUB = Platform("collab-browser", "collab-hub:bookworm-hub6")
LABEL = "collab.scenario=browser"
# What the homes of the shared account and of alice hold before the first person comes: notebooks, and no prompt about
# news.
HOME = Path(__file__).parent / "home"
SCREENSHOTS = ROOT / ".cache/results/screenshots"

WINDOW: ViewportSize = {"width": 720, "height": 560}
SCALE = 1.1  # makes the picture of a window 792 pixels wide
WIDE: ViewportSize = {"width": 960, "height": 600}
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # Chromium has none for root, and it sees nothing here but the hub
]
# JupyterLab draws one of seven colours for whoever comes in a new browser, which then remembers it. Two people draw
# the same one now and then, so these two have been here before.
COLOURS = {"alice": 1, "bob": 5}
REMEMBER = """if (location.protocol == "http:") localStorage.setItem(
    "@jupyterlab/services:UserManager#user",
    JSON.stringify({{username: "{name}", color: "var(--jp-collaborator-color{number})"}})
)"""
PATIENCE = 30_000  # milliseconds for anything but the start of a server; two slow cores have to be enough


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("browser")
    group.addoption("--keep", action="store_true", help="leave the hub's container running")
    where = "folder for the pictures of the README and of the documents"
    group.addoption("--screenshots", type=Path, default=SCREENSHOTS, help=where)


def containers(*arguments: str) -> None:
    subprocess.run([sys.executable, ROOT / "tests/images/containers.py", *arguments], check=True)


@pytest.fixture(scope="session")
def hub_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A hub that the playbook has been applied to, on which nobody has started a server yet."""
    try:
        containers("up", HUB.name, HUB.image, f"--label={LABEL}")
        done = play("jupyter_rtc", HUB.name)
        assert done.code == 0, done.output
        for owner in ("shared", "alice"):
            subprocess.run(["podman", "cp", f"{HOME}/.", f"{HUB.name}:/home/{owner}"], check=True)
            chown = ["chown", "-R", f"{owner}:", f"/home/{owner}"]
            subprocess.run(["podman", "exec", HUB.name, *chown], check=True)
        yield f"http://{HUB.address}:8000"
    finally:
        if not request.config.getoption("keep"):
            containers("down", LABEL)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


def window(browser: Browser, size: ViewportSize = WINDOW, scale: float = SCALE) -> Page:
    """A window with no cookies and nothing remembered."""
    context = browser.new_context(
        viewport=size, device_scale_factor=scale, color_scheme="light", timezone_id=TIME_ZONE
    )
    context.set_default_timeout(PATIENCE)
    return context.new_page()


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


def arrive(browser: Browser, hub_url: str, name: str) -> Lab:
    page = window(browser)
    page.add_init_script(REMEMBER.format(name=name, number=COLOURS[name]))
    return come(page, hub_url + ENTRY, name, PASSWORDS[name])


@pytest.fixture(scope="session")
def alice(browser: Browser, hub_url: str) -> Lab:
    """She comes first, so her coming starts the shared server."""
    return arrive(browser, hub_url, "alice")


@pytest.fixture(scope="session")
def bob(browser: Browser, hub_url: str, alice: Lab) -> Lab:
    """He comes when the shared server runs already."""
    return arrive(browser, hub_url, "bob")


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
