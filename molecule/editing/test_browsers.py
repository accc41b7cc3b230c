# SPDX-License-Identifier: GPL-3.0-or-later
"""When their server ends and comes back, two people in JupyterLab need not reload anything, and lose nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from playwright.sync_api import Browser, expect

from browser.lab import ENTRY, Lab, come
from browser.windows import chromium, window
from editing.events import NOTICES, Event, Row, hub_restarts, hub_runs_proxy, kill, proxy_restarts
from editing.site import HOME, LINES, OWNER, Site
from scenario import PASSWORDS, wait_until

NAME = "browsers"
TAKEN_OUT = f"Another program removed text from {NAME}.ipynb"
TOLD_AT_ONCE = 30_000  # milliseconds, less than until the notice is repeated
TOLD = 60_000  # milliseconds; a page that has just reconnected gets only the repeated notice


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def labs(browser: Browser, site: Site) -> list[Lab]:
    """Alice and bob, each in a browser, with the same notebook open."""
    site.make(NAME)
    people = [come(window(browser), site.hub.url + ENTRY, name, PASSWORDS[name]) for name in ("alice", "bob")]
    for lab in people:
        lab.open(f"{NAME}.ipynb")
        lab.close_others()
    return people


def wait_until_saved_once(site: Site, words: list[str]) -> None:
    def there() -> list[int]:
        text = "".join(source for _, source in site.file(f"{NAME}.ipynb"))
        return [text.count(word) for word in words]

    wait_until(lambda: there() == [1] * len(words))


@contextmanager
def as_it_is(_site: Site) -> Iterator[None]:
    """Leave the proxy as it is: a service of its own."""
    yield


@pytest.mark.parametrize(
    ("event", "proxy"),
    [(hub_restarts, as_it_is), (hub_restarts, hub_runs_proxy), (proxy_restarts, as_it_is)],
    ids=["hub restarts", "hub restarts with its proxy", "proxy restarts"],
)
def test_open_windows_go_on(
    event: Event,
    proxy: Callable[[Site], AbstractContextManager[None]],
    labs: list[Lab],
    site: Site,
    request: pytest.FixtureRequest,
) -> None:
    """What is typed before and during the outage appears for both, once."""
    how = request.node.callspec.id.rpartition("-")[2]
    with proxy(site):
        event(site, Row())
        for cell, lab in enumerate(labs, start=1):
            lab.cell(cell).type(f" {lab.name} as {how}.")
        for cell, lab in enumerate(labs, start=1):
            for other in labs:
                expect(other.cell(cell).text).to_contain_text(f"{lab.name} as {how}.")
        wait_until_saved_once(site, [f"{lab.name} as {how}." for lab in labs])


def test_open_windows_show_what_git_puts_there(browser: Browser, labs: list[Lab], site: Site) -> None:
    """If `git checkout` writes an older state of the open notebook, all get it and are told once, and what it lacks is in a copy."""
    path = f"{HOME}/{NAME}.ipynb"
    program = site.copy_in("write_outside.py")
    site.host.check_output("cp %s /tmp/older.ipynb", path)
    for cell, lab in enumerate(labs, start=1):
        lab.cell(cell).type(f" newer {lab.name}.")
    newer = [f"newer {lab.name}." for lab in labs]
    wait_until_saved_once(site, newer)
    # The others' windows may be reconnecting, and get only the repeated notice. A new window gets the first notice and the repeated one.
    carol = come(window(browser), site.hub.url + ENTRY, "carol", PASSWORDS["carol"])
    carol.open(f"{NAME}.ipynb")
    windows = {lab: lab.page.locator(".Toastify__toast", has_text=TAKEN_OUT) for lab in (carol, *labs)}
    with site.anyone.open(OWNER).events() as told:
        site.host.check_output(
            "runuser -u %s -- python3 %s %s checked-out /tmp/older.ipynb", OWNER, program, path
        )
        for lab, notice in windows.items():
            expect(lab.cell(LINES).text).to_contain_text("from outside checked-out")
            for cell, text in enumerate(newer, start=1):
                expect(lab.cell(cell).text).not_to_contain_text(text)
            expect(notice).to_be_visible(timeout=TOLD_AT_ONCE if lab is carol else TOLD)

        def times() -> int:
            return sum(event["schema_id"] == NOTICES and TAKEN_OUT in event["message"] for event in told)

        wait_until(lambda: times() == 2, TOLD / 1000)
    # A page that shows text typed after the second notice has received that notice, too.
    labs[0].cell(0).type(" told.")
    for lab, notice in windows.items():
        expect(lab.cell(0).text).to_contain_text(" told.")
        expect(notice).to_have_count(1)
    carol.page.context.close()
    copies = site.host.check_output(f"cat {HOME}/{NAME}.before-*.ipynb")
    assert [copies.count(text) for text in newer] == [1, 1]


@pytest.mark.parametrize("end", [Site.stop, kill], ids=["stopped", "killed"])
def test_open_windows_come_back(end: Callable[[Site], object], labs: list[Lab], site: Site) -> None:
    """What was typed right before the end, and what is typed without a connection, appears for both, once."""
    how = end.__name__
    for lab in labs:
        lab.cell(0).type(f" before {lab.name} {how}.")
        for other in labs:
            expect(other.cell(0).text).to_contain_text(f"before {lab.name} {how}.")
    end(site)
    for cell, lab in enumerate(labs, start=1):
        lab.cell(cell).type(f" alone {lab.name} {how}.")
    site.start()
    for cell, lab in enumerate(labs, start=1):
        for other in labs:
            expect(other.cell(cell).text).to_contain_text(f"alone {lab.name} {how}.")
    wait_until_saved_once(site, [f"{when} {lab.name} {how}." for when in ("before", "alone") for lab in labs])
