# SPDX-License-Identifier: GPL-3.0-or-later
"""JupyterLab's page in Chromium, with the collection's extension or without it, on one server.

Without it, the page's own configuration is changed before JupyterLab reads it. Intercepting requests would turn the browser's cache off.
"""

import json
import time
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

WITH, WITHOUT = KINDS = "with the extension", "without it"
EXTENSION = "@collab.jupyterhub/lab"
# The part of JupyterLab that the extension replaces. The collection's configuration turns it off.
REPLACED = "@jupyterlab/hub-extension:connectionlost"
LAUNCHER, NOTEBOOK = "launcher", "notebook"
# What must be shown before people can use the page.
SHOWN = {LAUNCHER: ".jp-Launcher-body", NOTEBOOK: ".jp-NotebookPanel .jp-Cell .cm-content"}
PATIENCE = 60_000  # milliseconds
SETTLED_SECONDS = 15  # after a page has opened, before it counts as idle
# `%s`: the extension to leave out, or an empty text; the part that it replaces; the selector of what must be shown.
SCRIPT = """(([without, replaced, shown]) => {
    const observer = new MutationObserver(() => {
        const element = document.getElementById("jupyter-config-data");
        if (!element) return;
        let config;
        try { config = JSON.parse(element.textContent); } catch { return; }  // the rest is still being read
        observer.disconnect();
        if (without) {
            config.federated_extensions = config.federated_extensions.filter(each => each.name != without);
            config.disabledExtensions = config.disabledExtensions.filter(each => each != replaced);
        }
        element.textContent = JSON.stringify(config);
    });
    observer.observe(document, { childList: true, characterData: true, subtree: true });
    const look = () => {
        if (!document.getElementById("jupyterlab-splash") && document.querySelector(shown)) {
            window.usableAt = performance.now();
        } else {
            requestAnimationFrame(look);
        }
    };
    requestAnimationFrame(look);
})(%s)"""


def visitor(browser: Browser, cookies: Any, kind: str, place: str) -> BrowserContext:
    """Return a browser with an empty cache, in which someone is logged in whose pages are of this kind.

    cookies: a Playwright storage state. place: what the pages will show.
    """
    context = browser.new_context(storage_state=cookies, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    given = [EXTENSION if kind == WITHOUT else "", REPLACED, SHOWN[place]]
    context.add_init_script(SCRIPT % json.dumps(given))
    return context


def opened(context: BrowserContext, url: str, kind: str) -> tuple[Page, float, float]:
    """Open JupyterLab, and return its page, the milliseconds until it could be used, and those of CPU time that it took by then."""
    page = context.new_page()
    work = Work(page)
    page.goto(url, wait_until="commit")
    took = float(page.wait_for_function("window.usableAt").json_value())
    cpu = 1000 * work.seconds
    loaded = "name => performance.getEntriesByType('resource').some(each => each.name.includes(name))"
    assert page.evaluate(loaded, EXTENSION) == (kind == WITH), f"{url} did not open {kind}"
    return page, took, cpu


class Work:
    """The CPU time that the main thread of a page spends on tasks from now on. Other load on the machine hardly changes it."""

    def __init__(self, page: Page) -> None:
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    @property
    def seconds(self) -> float:
        metrics = self._devtools.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration")


class Idle:
    """What a page costs from now on, while nobody uses it."""

    def __init__(self, page: Page) -> None:
        self._work, self._requests = Work(page), 0
        page.on("request", lambda _request: self._count())
        self._cpu, self._begin = self._work.seconds, time.monotonic()

    def _count(self) -> None:
        self._requests += 1

    @property
    def cost(self) -> tuple[float, float]:
        """Milliseconds of CPU time per second, and requests per minute."""
        took = time.monotonic() - self._begin
        return 1000 * (self._work.seconds - self._cpu) / took, 60 * self._requests / took
