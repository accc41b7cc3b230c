# SPDX-License-Identifier: GPL-3.0-or-later
"""The sharing page as people use it, and its log and data on the hub's host."""

import json
import time
from dataclasses import dataclass
from typing import Any

from bs4 import BeautifulSoup
from testinfra.host import Host

from people import Page, Person
from scenario import ROOT, wait_until

PAGE = "/services/sharing/"
LOG = "/var/log/jupyterhub-sharing.jsonl"
# Settings of the scenario sharing: shorter times than the defaults, so that its tests wait less.
REVOCATION = 1  # second
SETTINGS: dict[str, Any] = {"jupyterhub_sharing_revocation_seconds": REVOCATION}
CACHED = REVOCATION + 0.5  # seconds; a server caches refusals as long as permissions
HUB_PYTHON = "/usr/local/jupyterhub/bin/python"
DATABASE = "/var/lib/jupyterhub/jupyterhub.sqlite"


def begin(owner: Person) -> None:
    """Make sure that the owner's server is running and not shared, and that it has no cached refusals."""
    wait_until(lambda: owner.page(PAGE).status == 200, 60)
    for kind in ("shares", "share-codes"):
        owner.api("DELETE", f"/hub/api/{kind}/{owner.name}/")
    ended = time.monotonic()
    owner.open(owner.name)
    time.sleep(max(0.0, ended + CACHED - time.monotonic()))


def make_link(owner: Person, **fields: str) -> str:
    """Create a sharing link on the page, and return it."""
    page = owner.press(owner.page(PAGE), "Create link", **fields)
    field = BeautifulSoup(page.text, "html.parser").select_one("#new-link")
    assert field, page.sentence
    return str(field["value"])


def code_of(link: str) -> str:
    """Return the share code in a link."""
    return link.partition("code=")[2].partition("&")[0]


def accept(guest: Person, link: str) -> Page:
    """Accept a sharing link, and return the page that it leads to."""
    return guest.press(guest.page(link), "Accept")


def rows(page: Page, caption: str) -> list[str]:
    """Return the first cell of each row in a table of the sharing page; an empty list if the page does not have the table."""
    assert page.status == 200, page.sentence
    assert PAGE in page.path, page.url
    tables = BeautifulSoup(page.text, "html.parser").select("table")
    table = next((each for each in tables if caption in each.get_text()), None)
    return (
        [row.select("td")[0].get_text(" ", strip=True) for row in table.select("tbody tr")] if table else []
    )


def guests(page: Page) -> list[str]:
    return rows(page, "Users with access to this server")


def shared_with(page: Page) -> list[str]:
    return rows(page, "Servers shared with you")


@dataclass(frozen=True)
class Other:
    """Another user's server as the page lists it: its state, the visitor's permissions, and the buttons and links in its row."""

    state: str
    may: str
    buttons: tuple[str, ...]
    forms: dict[str, dict[str, str]]  # the fields that each button submits
    address: str  # the link to open it, or empty


def others(person: Person) -> dict[str, Other]:
    """Return the servers of other users on a person's page, by the name that the page shows."""
    page = person.page(PAGE, tab="theirs")
    assert page.status == 200, page.sentence
    soup = BeautifulSoup(page.text, "html.parser")
    found = {}
    for row in soup.select("#theirs tbody tr"):
        name, state, may, *_ = (cell.get_text(" ", strip=True) for cell in row.select("td"))
        link = row.select_one("a")
        forms = {
            form.select("button")[0].get_text(strip=True): {
                str(field["name"]): str(field["value"]) for field in form.select("input")
            }
            for form in row.select("form")
        }
        buttons = tuple(each.get_text(strip=True) for each in row.select("a, summary, button"))
        found[name] = Other(state, may, buttons, forms, str(link["href"]) if link else "")
    return found


def press_beside(person: Person, name: str, button: str) -> Page:
    """Press a button in the row of another user's server, and return the page that it leads to."""
    return person.press(person.page(PAGE), button, **others(person)[name].forms[button])


def forge(person: Person, page: Page, button: str, **fields: str) -> Page:
    """Submit a form of anyone's page as this person, and return the page that it leads to."""
    return person.press(page, button, _xsrf=person.xsrf(person.hub.url + PAGE), **fields)


def told(page: Page) -> str:
    """Return the page's messages about the last action or its failure."""
    found = BeautifulSoup(page.text, "html.parser").select("[role=status], [role=alert]")
    return " ".join(each.get_text(" ", strip=True) for each in found)


def log(host: Host) -> list[dict[str, Any]]:
    """Return the entries of the sharing log."""
    return [json.loads(line) for line in host.file(LOG).content_string.splitlines()]


def in_database(host: Host, *lines: str) -> None:
    """Change the hub's database from outside, with JupyterHub's code. The lines can use `db`, a session, and JupyterHub's `orm`."""
    program = [
        "from jupyterhub import orm",
        f"db = orm.new_session_factory('sqlite:///{DATABASE}')()",
        *lines,
        "db.commit()",
    ]
    host.check_output("%s -c %s", HUB_PYTHON, "\n".join(program))


def crowd(host: Host, owner: str, number: int) -> None:
    """Give a user this many links, and as many guests who accepted one, directly in the database."""
    program = (ROOT / "tests/support/programs/guests.py").read_text()
    host.check_output("%s -c %s %s %s %s", HUB_PYTHON, program, DATABASE, owner, str(number))
