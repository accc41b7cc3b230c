# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the sharing page with the hub's own pages, and with the calls of the hub's API that the page needs."""

import json

from testinfra.host import Host

from benchmarks import Result, Stage, Timing
from people import Page, Person
from scenario import ROOT
from sharing import HUB_PYTHON, PAGE, begin, crowd, guests, rows

MANY = 200
# One more than the page begins with, because a click creates one.
VARIABLES = {"jupyterhub_sharing_links_per_server": MANY + 1}
GOAL = 200  # milliseconds for the page with `MANY` links and guests
ROUNDS = 30
SOME, NONE = f"{MANY} links, {MANY} guests", "nothing shared"
# The page's scopes, and the API calls it makes.
SCOPES = ["read:servers!user", "read:users:name!user", "shares!user", "users:shares!user"]
CALLS = {
    "servers": "users/{}?include_stopped_servers=1",
    "links": "share-codes/{}?offset=0&limit=200",
    "guests": "shares/{}?offset=0&limit=200",
    "shared by others": "users/{}/shared?offset=0&limit=200",
}
ALL_CALLS = "hub's API, these four calls"


def measure(stage: Stage) -> Result:
    alice, bob = (stage.login(name) for name in ("alice", "bob"))
    people = {NONE: bob, SOME: alice}
    for person in people.values():
        begin(person)
    crowd(stage.host, alice.name, MANY)
    for _ in range(MANY):  # so that the hub's token page lists about as much
        alice.token()
    full = read(alice, PAGE)
    assert len(guests(full)) == len(rows(full, "Valid links")) == MANY

    timing = Timing()
    rounds = stage.rounds or ROUNDS
    pages(timing, people, stage.host, rounds)
    buttons(timing, alice, full, rounds)
    page, floor = (timing.median(f"{SOME}: {what}") for what in ("sharing page", ALL_CALLS))
    return timing.result(
        f"With {MANY} links and {MANY} guests, the page takes {page:.0f} ms, {'within' if page <= GOAL else 'above'} "
        f"the goal of {GOAL} ms. The hub takes {floor:.0f} ms for the four API calls that the page makes.",
    )


def pages(timing: Timing, people: dict[str, Person], host: Host, rounds: int) -> None:
    """Time the page in turns with the hub's pages and with the API calls alone, which are made on the hub's host, as the page does."""
    program = (ROOT / "tests/benchmarks/programs/time_calls.py").read_text()
    tokens = {shared: person.token(SCOPES) for shared, person in people.items()}
    for _ in timing.rounds(rounds):
        for shared, person in people.items():
            with timing.of(f"{shared}: sharing page"):
                read(person, PAGE)
            with timing.of(f"{shared}: `/hub/home`"):
                read(person, "/hub/home")
            with timing.of(f"{shared}: `/hub/token`" + f", {MANY} tokens" * (shared == SOME)):
                read(person, "/hub/token")
            paths = [path.format(person.name) for path in CALLS.values()]
            command = " ".join(["%s"] * (4 + len(paths)))
            took = json.loads(host.check_output(command, HUB_PYTHON, "-c", program, tokens[shared], *paths))
            for call, each in zip(CALLS, took, strict=True):
                timing.add(f"{shared}: hub's API, {call}", each)
            timing.add(f"{shared}: {ALL_CALLS}", sum(took))


def buttons(timing: Timing, owner: Person, full: Page, rounds: int) -> None:
    """Time each click until the page has loaded again. Another click undoes each one, so the page always lists the same amount."""
    guest = full.form("Revoke").fields["name"][0]
    clicks = {"Revoke": {}, "Share": {"name": guest}, "Create link": {}}
    for _ in timing.rounds(rounds):
        for button, fields in clicks.items():
            with timing.of(f"{SOME}: click on *{button}*"):
                page = owner.press(full, button, **fields)
            assert page.status == 200, page.sentence
        [newest] = owner.api("GET", f"/hub/api/share-codes/{owner.name}?offset={MANY}").json()["items"]
        with timing.of(f"{SOME}: click on *Revoke link*"):
            owner.press(full, "Revoke link", id=newest["id"])
    now = read(owner, PAGE)
    assert len(guests(now)) == len(rows(now, "Valid links")) == MANY


def read(person: Person, path: str) -> Page:
    page = person.page(path)
    assert page.status == 200, page.sentence
    return page
