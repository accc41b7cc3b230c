# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement B10: one playbook verifies a live hub, says what is wrong with it in a sentence, and leaves nothing behind."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from testinfra.host import Host

from people import Hub, Person
from scenario import INVENTORY, PASSWORDS, ROOT, Platform, play, wait_until

from .conftest import Verify, changes, state_of

SHARED = "shared"
FRAGMENTS = "/usr/local/etc/jupyter/jupyterhub_collab.d"


@pytest.mark.long
def test_hub_without_collaboration_lacks_it(
    verify: Verify, host: Host, platform: Platform, carol: Person
) -> None:
    """A hub that this collection was not applied to: what is missing is said, what is well is well, and nothing stays."""
    before = state_of(host, platform, carol)
    found = verify()
    assert found.play.code != 0
    assert [*found.results("failed")] == ["users edit together"]
    assert "Run collab.jupyterhub.jupyter_rtc" in found.play.message
    assert "two users log in" in found.results("ok")
    assert found.report["hub"]["configured"] is False
    assert changes(before, state_of(host, platform, carol)) == []


@pytest.mark.usefixtures("collaboration")
def test_hub_that_is_well(
    verify: Verify, host: Host, platform: Platform, alice: Person, carol: Person
) -> None:
    """All is tried, nothing is wrong, and host and hub are as before."""
    for _start in range(2):  # what the first and the second start of a server leave in its home is there
        alice.open(SHARED)
        alice.stop(SHARED)
    before = state_of(host, platform, carol)
    found = verify()
    assert found.play.code == 0, found.play.output
    assert found.results("failed") == found.results("skipped") == found.results("warning") == {}
    assert {
        "two users edit together on a server with a share",
        "two users edit together on the shared server",
        "an account that may not use the hub is refused",
        "a guest whose share is revoked loses access",
        "a document that they have open is closed",
        "a token that a guest has read on the server is refused",
        "service workers are confined to their server",
        "refused on another user's server: a hub user",
        "refused on another user's server: an outsider",
        "refused on the shared server: a stranger",
    } <= set(found.results("ok"))
    assert changes(before, state_of(host, platform, carol)) == []


@pytest.mark.long
@pytest.mark.usefixtures("collaboration")
def test_people_who_are_named_and_a_server_that_is_used(
    verify: Verify, alice: Person, bob: Person, carol: Person
) -> None:
    """Two accounts for tests are used and stay as they were, with their tokens. Users who edit on a server meanwhile notice
    nothing, and it runs afterwards.
    """
    alice.token(note="of a program")
    people = [{"name": name, "password": PASSWORDS[name]} for name in ("alice", "bob")]
    tokens = f"{carol.hub.url}/hub/api/users/alice/tokens"
    before = with_a_note(carol, tokens)
    server = alice.open(SHARED)
    server.write_file("mine.txt")
    with server.document("mine.txt") as hers, bob.visit(SHARED).document("mine.txt") as his:
        found = verify(jupyterhub_verify_accounts=people)
        assert found.play.code == 0, found.play.output
        assert found.results("ok")["two users log in"] == "alice and bob."
        assert found.results("ok")["the shared server starts"] == "It was running already, and keeps running."
        hers.insert(0, "still here")
        his.wait_until(lambda document: document.text == "still here")
        assert hers.closed_by_server is his.closed_by_server is None
    assert PASSWORDS["alice"] not in found.play.output
    assert with_a_note(carol, tokens) == before
    assert alice.ask("GET", f"{alice.hub.url}/hub/api/users/alice")["server"] is None
    names = [entry["name"] for entry in server.ask("GET", "api/contents")["content"]]
    assert not [name for name in names if name.startswith("verify-")]


@pytest.mark.long
@pytest.mark.usefixtures("collaboration")
def test_account_that_everybody_works_as_stays(
    host: Host, hub: Hub, platform: Platform, carol: Person
) -> None:
    """A hub on which the name of an account does not depend on who someone is: it was there before, and is nobody's to remove."""
    with changed(host, hub, "c.SystemdSpawner.username_template = 'alice'"):
        done = play("verify", platform.name)
    assert done.code != 0
    assert "the servers of this hub run as the existing account alice" in done.message
    assert host.user("alice").exists
    assert host.file("/home/alice").is_directory
    assert made(host, carol) == []


@contextmanager
def changed(host: Host, hub: Hub, text: str) -> Iterator[None]:
    """The hub's configuration has these lines after all others."""
    restart = "systemctl restart jupyterhub"
    host.check_output("echo %s > %s && " + restart, text, f"{FRAGMENTS}/99-mistake.py")
    try:
        wait_until(lambda: hub.is_up, 60)
        yield
    finally:
        host.check_output("rm %s && " + restart, f"{FRAGMENTS}/99-mistake.py")
        wait_until(lambda: hub.is_up, 60)


# As the collection's own fragments do it, in whatever place this JupyterHub has for what everyone holds.
GIVE = "from jupyterhub_collab.hub import apply; apply(c, everyone={scopes})"
# A right that nobody is to have -> what they get done by it.
MISTAKES = {"access:servers": "open, edit, run code, open terminal", "list:users": "list users"}


@pytest.mark.long
@pytest.mark.usefixtures("collaboration")
def test_rights_that_nobody_is_to_have(verify: Verify, host: Host, hub: Hub) -> None:
    """What everyone can do who is not to is named, and so is the right by which they can."""
    with changed(host, hub, GIVE.format(scopes=[*MISTAKES])):
        found = verify()
    assert found.play.code != 0
    for scope, got_through in MISTAKES.items():
        assert scope in found.results("warning")["what everyone may do"]
        assert got_through in " ".join(found.results("failed").values())


@pytest.mark.long
@pytest.mark.usefixtures("collaboration")
def test_server_without_live_collaboration(verify: Verify, host: Host, hub: Hub) -> None:
    """A hub on which someone has turned live collaboration off again."""
    with changed(
        host, hub, """c.Spawner.args = ["--ServerApp.jpserver_extensions=jupyter_server_ydoc=False"]"""
    ):
        found = verify()
    assert found.play.code != 0
    assert "jupyter-collaboration is missing or disabled" in found.play.message


@pytest.mark.long
@pytest.mark.usefixtures("collaboration")
def test_killed_runs_leave_nothing(host: Host, platform: Platform, carol: Person) -> None:
    """Killed in the middle: what was made goes at once, or with the next run where there was nobody to do it."""
    before = state_of(host, platform, carol)
    kill_in_the_middle(host, platform, watcher_too=True)
    left = {*made(host, carol)}
    assert left
    # The next run, which is killed as well.
    there = kill_in_the_middle(host, platform, watcher_too=False)
    assert there and not there & left
    wait_until(lambda: not made(host, carol), 60)
    assert changes(before, state_of(host, platform, carol)) == []


def kill_in_the_middle(host: Host, platform: Platform, *, watcher_too: bool) -> set[str]:
    """Kill the module of a run, or also who watches it, when a document is open; return the accounts that were there."""
    command = ["ansible-playbook", "collab.jupyterhub.verify", f"--inventory={platform.name},"]
    for name, value in INVENTORY.items():
        command += ["--extra-vars", f"{name}='{value}'"]
    earlier = accounts(host)
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        # There are people, a server runs, and a document is open.
        def server_runs() -> bool:
            its = [name for name in accounts(host) - earlier if name.endswith("-a")]
            return any(host.run("pgrep -u %s -f singleuser", name).rc == 0 for name in its)

        wait_until(server_runs, 90)
        time.sleep(2)
        there = accounts(host)
        proof = host.check_output("pgrep -f '[j]upyterhub_collab.proof'")
        module = host.check_output("ps -o ppid= -p %s", proof).strip()
        watcher = set(host.check_output("pgrep -P %s", module).split()) - {proof}
        host.check_output(f"kill -9 {module} {' '.join(watcher) if watcher_too else ''}")
        run.communicate()
    assert run.returncode != 0
    return there


def accounts(host: Host) -> set[str]:
    """Accounts of the host that were made for a run."""
    names = host.check_output("cut -d: -f1 /etc/passwd").split()
    return {name for name in names if name.startswith("verify-")}


def made(host: Host, carol: Person) -> list[str]:
    """Accounts and hub users that were made for a run."""
    users = [user["name"] for user in carol.ask("GET", f"{carol.hub.url}/hub/api/users")]
    return [*accounts(host), *(name for name in users if name.startswith("verify-"))]


def with_a_note(carol: Person, tokens: str) -> list[str]:
    """Those of programs; browsers have theirs without."""
    return [token["id"] for token in carol.ask("GET", tokens)["api_tokens"] if token["note"]]
