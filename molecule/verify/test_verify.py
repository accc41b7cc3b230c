# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement B10: one playbook verifies a live hub, says in a sentence what is wrong, and leaves nothing behind."""

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
    """On a hub without this collection, verify says what is missing and what works, and leaves nothing behind."""
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
    """Every check runs and passes, and host and hub are as before."""
    leave_files_of_starts(alice)
    before = state_of(host, platform, carol)
    found = verify()
    assert found.play.code == 0, found.play.output
    assert found.results("failed") == found.results("skipped") == found.results("warning") == {}
    assert {
        "two users edit together on a server with a share",
        "two users edit together on the shared server",
        "a viewer sees edits and changes nothing on a server with a share",
        "a viewer can edit when the level is raised",
        "refused on another user's server: a link viewer",
        "an account without access to the hub is refused",
        "a guest whose share is revoked loses access",
        "the guest's open document is closed",
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
    """Two test accounts that the variable names keep their tokens and stay as they were. Users who edit on a server meanwhile
    notice nothing, and it keeps running.
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
def test_account_that_everyone_works_as_stays(
    host: Host, hub: Hub, platform: Platform, carol: Person
) -> None:
    """If all servers run as one existing account, verify does not remove that account."""
    with changed(host, hub, "c.SystemdSpawner.username_template = 'alice'"):
        done = play("verify", platform.name)
    assert done.code != 0
    assert "the servers of this hub run as the existing account alice" in done.message
    assert host.user("alice").exists
    assert host.file("/home/alice").is_directory
    assert made(host, carol) == []


@contextmanager
def changed(host: Host, hub: Hub, text: str) -> Iterator[None]:
    """Add lines to the hub's configuration, after all others."""
    restart = "systemctl restart jupyterhub"
    host.check_output("echo %s > %s && " + restart, text, f"{FRAGMENTS}/99-mistake.py")
    try:
        wait_until(lambda: hub.is_up, 60)
        yield
    finally:
        host.check_output("rm %s && " + restart, f"{FRAGMENTS}/99-mistake.py")
        wait_until(lambda: hub.is_up, 60)


# As the collection's own fragments do it, wherever this JupyterHub keeps the scopes of all users.
GIVE = "from jupyterhub_collab.hub import apply; apply(c, everyone={scopes})"
# A scope that nobody should have -> what users can do with it.
MISTAKES = {"access:servers": "open, view, edit, run code, open terminal", "list:users": "list users"}


@pytest.mark.long
@pytest.mark.usefixtures("collaboration")
def test_rights_that_nobody_is_to_have(verify: Verify, host: Host, hub: Hub) -> None:
    """Verify names what users can do but should not, and the scope that lets them."""
    with changed(host, hub, GIVE.format(scopes=[*MISTAKES])):
        found = verify()
    assert found.play.code != 0
    for scope, got_through in MISTAKES.items():
        assert scope in found.results("warning")["scopes of all users"]
        assert got_through in " ".join(found.results("failed").values())


@pytest.mark.long
@pytest.mark.usefixtures("collaboration")
def test_server_without_live_collaboration(verify: Verify, host: Host, hub: Hub) -> None:
    """Verify notices that someone has turned live collaboration off."""
    with changed(
        host, hub, """c.Spawner.args = ["--ServerApp.jpserver_extensions=jupyter_server_ydoc=False"]"""
    ):
        found = verify()
    assert found.play.code != 0
    assert "jupyter-collaboration is missing or disabled" in found.play.message


@pytest.mark.long
@pytest.mark.usefixtures("collaboration")
def test_killed_runs_leave_nothing(host: Host, platform: Platform, alice: Person, carol: Person) -> None:
    """What a killed run created is removed at once, or by the next run if the watcher was killed as well."""
    leave_files_of_starts(alice)
    before = state_of(host, platform, carol)
    kill_in_the_middle(host, platform, watcher_too=True)
    left = {*made(host, carol)}
    assert left
    # The next run, which is killed, too.
    there = kill_in_the_middle(host, platform, watcher_too=False)
    assert there and not there & left
    wait_until(lambda: not made(host, carol), 60)
    more = changes(before, state_of(host, platform, carol))
    # The lock of a killed run holds nobody up, and the next run deletes it.
    assert [each for each in more if not each.startswith("+ /var/lib/collab.jupyterhub/lock\t")] == []


def leave_files_of_starts(alice: Person) -> None:
    """Start and stop the shared server, so that the files that it creates at its first and second start exist."""
    for _start in range(2):
        alice.open(SHARED)
        alice.stop(SHARED)


def kill_in_the_middle(host: Host, platform: Platform, *, watcher_too: bool) -> set[str]:
    """Kill the module of a run while a document is open, optionally with its watcher. Return the accounts that existed then."""
    command = ["ansible-playbook", "collab.jupyterhub.verify", f"--inventory={platform.name},"]
    for name, value in INVENTORY.items():
        command += ["--extra-vars", f"{name}='{value}'"]
    earlier = accounts(host)
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        # Users exist, a server runs, and a document is open.
        def server_runs() -> bool:
            its = [name for name in accounts(host) - earlier if name.endswith("-a")]
            return any(host.run("pgrep -u %s -f singleuser", name).rc == 0 for name in its)

        wait_until(server_runs, 90)
        time.sleep(2)
        there = accounts(host)
        process = host.check_output("pgrep -f '[j]upyterhub_collab.verify.verification'")
        module = host.check_output("ps -o ppid= -p %s", process).strip()
        watcher = set(host.check_output("pgrep -P %s", module).split()) - {process}
        host.check_output(f"kill -9 {module} {' '.join(watcher) if watcher_too else ''}")
        run.communicate()
    assert run.returncode != 0
    return there


def accounts(host: Host) -> set[str]:
    """Return the accounts of the host that were created for a run."""
    names = host.check_output("cut -d: -f1 /etc/passwd").split()
    return {name for name in names if name.startswith("verify-")}


def made(host: Host, carol: Person) -> list[str]:
    """Return the accounts and hub users that were created for a run."""
    users = [user["name"] for user in carol.ask("GET", f"{carol.hub.url}/hub/api/users")]
    return [*accounts(host), *(name for name in users if name.startswith("verify-"))]


def with_a_note(carol: Person, tokens: str) -> list[str]:
    """Return the tokens of programs, which have a note. Those of browsers have none."""
    return [token["id"] for token in carol.ask("GET", tokens)["api_tokens"] if token["note"]]
