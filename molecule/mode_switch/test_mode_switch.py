# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching modes leaves nothing of the old one (requirement 17). The tests run in order, each on the state that the one before left."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from testinfra.host import Host

from people import Hub, Person, Refused
from scenario import PASSWORDS, Credentials, Platform, edit_together, keep_out, play, wait_until

STATE = "/var/lib/collab.jupyterhub/jupyterhub.json"


def ours(person: Person) -> set[str]:
    """Return a user's scopes that the collection may have granted: all that reach beyond the user's own servers."""
    scopes = set(person.api("GET", "/hub/api/user").json()["scopes"])
    reach = ("!user", f"!user={person.name}", "!server")
    return {scope for scope in scopes if not scope.endswith(reach) or scope.startswith("shares")}


def share(person: Person, guest: str, server_of: str = "") -> None:
    """Share a user's own server, or another one as an administrator, by name and by link."""
    owner = server_of or person.name
    url = f"{person.hub.url}/hub/api"
    wish = {"user": guest, "scopes": [f"access:servers!server={owner}/"]}
    person.ask("POST", f"{url}/shares/{owner}/", wish)
    person.ask("POST", f"{url}/share-codes/{owner}/", {})


def shared_with(person: Person) -> list[str]:
    """Return the owners of the servers that others share with a person."""
    items = person.ask("GET", f"{person.hub.url}/hub/api/users/{person.name}/shared")["items"]
    return [item["server"]["user"]["name"] for item in items]


def links(administrator: Person, owner: str) -> list[str]:
    """Return the valid links to a server."""
    items = administrator.ask("GET", f"{administrator.hub.url}/hub/api/share-codes/{owner}")["items"]
    return [item["id"] for item in items]


def test_shared_user_first(alice: Person, bob: Person, host: Host) -> None:
    """To begin with, there are the shared server, and alice's, which she shares by name and by link."""
    edit_together(alice, bob, "shared", host, "kept.txt")
    share(alice, "bob")
    assert len(shared_with(bob)) == 1
    assert "servers!server=shared/" in ours(bob)


def test_all_users_leaves_nothing_of_shared_user(
    alice: Person, bob: Person, carol: Person, host: Host, platform: Platform
) -> None:
    """With everyone logged in, the old rights end at once, the account is removed, and its files are kept."""
    uid = host.user("shared").uid
    switched = play("jupyter_rtc", platform.name, jupyter_rtc_share_all_users=True)
    assert switched.code == 0, switched.output
    assert "account shared removed, its files kept in /home/shared" in switched.said
    assert "removed 1 share and 1 link of users who can no longer share, the hub user shared" in switched.said
    assert shared_with(bob) == []
    assert links(carol, "alice") == []
    assert carol.api("GET", "/hub/api/users/shared").status_code == 404
    assert ours(bob) == {"access:servers"}
    assert not host.user("shared").exists
    assert host.run("pgrep --list-full --uid %s", str(uid)).stdout == ""
    assert host.file("/home/shared/kept.txt").exists
    with pytest.raises(Refused):
        bob.start("shared")
    alice.open("alice")
    assert bob.visit("alice").me()["identity"]["username"] == "bob"


def invocation(host: Host) -> str:
    """Return the identity of the hub's current start."""
    return str(host.check_output("systemctl show jupyterhub --property=InvocationID --value"))


@pytest.fixture
def arguments(host: Host) -> Iterator[Callable[[], str]]:
    """Record what anyone on the host can see of all processes' arguments, from now on."""
    watch = "while sleep 0.1; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; done >/tmp/arguments"
    host.check_output("systemd-run --unit=watch-arguments sh -c %s", watch)
    yield lambda: str(host.file("/tmp/arguments").content_string)
    host.check_output("systemctl stop watch-arguments")


@pytest.mark.long
def test_run_that_died_before_the_restart_is_completed(
    host: Host, platform: Platform, arguments: Callable[[], str], bob: Person, carol: Person
) -> None:
    """Requirement 18: if an earlier run died before the restart, the next run restarts the hub, though no file changes.

    It also revokes shares that users can no longer create, which the dead run did not get to. The address of the hub's database may
    contain a password, so no process has it among its arguments.
    """
    share(carol, "bob", server_of="alice")
    before = invocation(host)
    state = json.loads(host.file(STATE).content_string) | {"stale": before, "sharing": ["user"]}
    host.check_output("echo %s >" + STATE, json.dumps(state))
    completed = play("jupyter_rtc", platform.name, jupyter_rtc_share_all_users=True)
    assert (completed.code, completed.changed) == (0, 1), completed.output
    assert "Changed: hub configured and restarted; removed 1 share and 1 link" in completed.said
    assert shared_with(bob) == []
    assert invocation(host) != before
    assert "jupyterhub_collab.hub.live" in arguments()
    assert not re.search(r"sqlite:/+\w", arguments())


def test_and_a_second_run_changes_nothing(platform: Platform) -> None:
    """A second run in the other mode changes nothing, either."""
    again = play("jupyter_rtc", platform.name, jupyter_rtc_share_all_users=True)
    assert (again.code, again.changed) == (0, 0), again.output


def test_back_again_leaves_nothing_of_all_users(
    hub: Hub, alice: Person, bob: Person, host: Host, platform: Platform
) -> None:
    """Alice's running server is hers alone again, although bob is connected, and she continues where she was."""
    server, visit = alice.open("alice"), bob.visit("alice")
    server.write_file("hers.txt")
    processes = host.check_output("pgrep --uid alice --full singleuser")
    with server.document("hers.txt") as hers, visit.document("hers.txt") as his:
        his.insert(0, "by bob\n")
        hers.wait_until(lambda document: document.text == "by bob\n")
        back = play("jupyter_rtc", platform.name, jupyter_rtc_share_all_users="false")
        assert back.code == 0, back.output
        assert "disconnected bob from the server of alice" in back.said
        assert "access:servers" not in ours(bob)
        assert his.closed_by_server is not None
        with pytest.raises(Refused):
            his.reconnect()
        with pytest.raises(Refused):
            visit.read_file("hers.txt")
        hers.reconnect()
        hers.append("by alice\n")
        file = host.file("/home/alice/hers.txt")
        wait_until(lambda: file.content_string == "by bob\nby alice\n")
    assert host.check_output("pgrep --uid alice --full singleuser") == processes
    newcomer = hub.login("bob", PASSWORDS["bob"])
    with pytest.raises(Refused):
        newcomer.visit("alice")
    assert host.file("/home/shared/kept.txt").user == "shared"
    edit_together(alice, bob, "shared", host, "kept.txt")


@pytest.mark.long
def test_another_name_leaves_nothing_of_the_first(
    alice: Person, bob: Person, host: Host, platform: Platform
) -> None:
    """Another account name removes the old account and its scopes, and people edit on the new one."""
    renamed = play("jupyter_rtc", platform.name, jupyterhub_rtc_user="team")
    assert renamed.code == 0, renamed.output
    assert not host.user("shared").exists
    assert not [scope for scope in ours(bob) if "shared" in scope]
    edit_together(alice, bob, "team", host)


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused, whatever the mode was."""
    keep_out(hub, "team", mallory)
