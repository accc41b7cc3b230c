# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal takes away what this collection installed, and nothing else. The tests run in order, each on the state left before."""

from typing import Any

import pytest
from testinfra.host import Host

from people import Hub, NotRunning, Person, Refused
from scenario import PASSWORDS, Credentials, Platform, changed_files, edit_together, installed, keep_out, play

PYTHON = "/usr/local/jupyterhub/bin/python"
KEPT = "/home/shared/kept.txt"
ABSENT: dict[str, Any] = {"jupyterhub_rtc_state": "absent"}
PRESENT: dict[str, Any] = {"jupyterhub_rtc_group": "collaborators"}
MAIN = "/usr/local/etc/jupyter/jupyterhub_config.py"
DATABASE = "/var/lib/jupyterhub/jupyterhub.sqlite"
# Files of the host that differ after everything was removed.
LEFT = (
    "/home/",  # files of users who tried it, and of the shared account
    *(f"/etc/{name}-" for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")),  # backups
    "/var/lib/collab.jupyterhub",  # what role jupyterhub remembers of its hub, and account numbers that must not be reused
)


def invocation(host: Host) -> str:
    """Return the identity of the hub's current start."""
    return str(host.check_output("systemctl show jupyterhub --property=InvocationID --value"))


def share(owner: Person, guest: str) -> None:
    """Share a user's own server by name, and create a link that anyone can use."""
    wish = {"user": guest, "scopes": [f"access:servers!server={owner.name}/"]}
    owner.ask("POST", f"{owner.hub.url}/hub/api/shares/{owner.name}/", wish)
    owner.ask("POST", f"{owner.hub.url}/hub/api/share-codes/{owner.name}/", {})


def shared(host: Host) -> set[str]:
    """Return the owners of servers that are shared by name or by link, according to the hub's database."""
    code = (
        "import json, sqlite3, sys; d = sqlite3.connect(sys.argv[1]); "
        "rows = [d.execute(f'select u.name from {t} s join users u on u.id = s.owner_id') for t in ('shares', 'share_codes')]; "
        "print(' '.join(name for row in rows for name, in row))"
    )
    return set(host.check_output("python3 -c %s %s", code, DATABASE).split())


def left_different(host: Host, platform: Platform) -> set[str]:
    """Return the files that differ from before and should not."""
    different = {path for path in changed_files(host, platform) if not path.startswith(LEFT)}
    # The block stays where role jupyterhub has its fragment, and may be that of another version of this collection.
    return different - {MAIN} if platform.suite == "bookworm" else different


def test_everything_is_in_use(alice: Person, bob: Person, carol: Person, host: Host) -> None:
    """Everything to be removed exists: packages, an account with files, and shares of alice's and the administrator's."""
    assert "jupyter-collaboration" in installed(host, PYTHON)
    assert host.group("collaborators").exists
    edit_together(alice, bob, "shared", host, "kept.txt")
    alice.open("alice")
    share(alice, "bob")
    share(carol, "bob")
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    assert shared(host) == {"alice", "carol"}


def test_check_mode_tells_and_changes_nothing(host: Host, platform: Platform) -> None:
    """Requirement B3: check mode names what would be removed, and removes nothing."""
    before = invocation(host), shared(host), installed(host, PYTHON)
    tried = play("jupyter_rtc", platform.name, "--check", **ABSENT)
    assert tried.code == 0, tried.output
    assert (
        "removed 1 share and 1 link of users who can no longer share, the hub user shared with server and tokens"
        in tried.said
    )
    for sentence in (
        "Would change:",
        "account shared removed",
        "group collaborators removed",
        "jupyter-collaboration",
    ):
        assert sentence in tried.said
    assert (invocation(host), shared(host), installed(host, PYTHON)) == before
    assert host.user("shared").exists


@pytest.mark.parametrize("confirmation", ["", "alice"])
def test_deletion_of_files_must_be_confirmed(confirmation: str, host: Host, platform: Platform) -> None:
    """Without a confirmation, or with one that names another account, nothing is deleted and nothing changes."""
    before = invocation(host)
    refused = play(
        "jupyter_rtc",
        platform.name,
        **ABSENT,
        jupyterhub_rtc_delete_home=True,
        jupyterhub_rtc_confirm_delete=confirmation,
    )
    assert (refused.code, refused.changed) == (2, 0)
    assert "Set jupyterhub_rtc_confirm_delete to shared as well" in refused.said
    assert "Nothing was changed." in refused.said
    assert invocation(host) == before
    assert host.file(KEPT).exists


def test_collaboration_goes(
    hub: Hub, alice: Person, bob: Person, carol: Person, host: Host, platform: Platform
) -> None:
    """Requirement B3: while people work, the rights that the collection gave end, and what was typed is saved.

    Alice's own server keeps running.
    """
    processes = host.check_output("pgrep --uid alice --full singleuser")
    uid = host.user("shared").uid
    with bob.open("shared").document("kept.txt") as document:
        document.append("typed at the last moment\n")
        gone = play("jupyter_rtc", platform.name, **ABSENT)
        assert gone.code == 0, gone.output
    assert (
        "removed 1 share and 1 link of users who can no longer share, the hub user shared with server and tokens"
        in gone.said
    )
    assert "account shared removed; files kept in /home/shared; group collaborators removed" in gone.said
    assert "jupyter-collaboration" in gone.said
    assert host.check_output("pgrep --uid alice --full singleuser") == processes
    assert host.file(KEPT).content_string.endswith("typed at the last moment\n")
    assert not host.user("shared").exists
    assert host.run("pgrep --list-full --uid %s", str(uid)).stdout == ""
    assert "shared" not in host.check_output("systemctl list-units --failed --plain --no-legend")
    assert carol.api("GET", "/hub/api/users/shared").status_code == 404
    newcomer = hub.login("bob", PASSWORDS["bob"])
    for owner in ("alice", "shared"):
        with pytest.raises(Refused):
            newcomer.visit(owner)
    # The administrator can still share, by a right of her own.
    assert shared(host) == {"carol"}
    with pytest.raises(NotRunning):
        newcomer.visit("carol")
    scopes = set(bob.api("GET", "/hub/api/user").json()["scopes"])
    assert {scope for scope in scopes if not scope.endswith("!user=bob")} == {"access:servers!server=carol/"}
    assert "shares!user=bob" not in scopes


def test_host_is_as_it_was(host: Host, platform: Platform) -> None:
    """Requirement B3: the main file, packages and accounts are as before, byte for byte, and no trace of the collection remains."""
    assert left_different(host, platform) == set()
    if platform.suite == "trixie":
        assert not host.file("/usr/local/etc/jupyter/jupyterhub_collab.d").exists
        # Account numbers are not reused, even if all of this is installed again.
        assert host.check_output("ls /var/lib/collab.jupyterhub") == "numbers.json"


def test_again_changes_nothing(host: Host, platform: Platform) -> None:
    """A second removal finds nothing to do, and leaves the hub alone."""
    before = invocation(host)
    again = play("jupyter_rtc", platform.name, **ABSENT)
    assert (again.code, again.changed) == (0, 0), again.output
    assert "Changed: nothing." in again.said
    assert invocation(host) == before


@pytest.mark.long
def test_it_comes_back_with_its_files(
    hub: Hub, alice: Person, bob: Person, mallory: Credentials, host: Host, platform: Platform
) -> None:
    """The new account owns the files that the first one left."""
    back = play("jupyter_rtc", platform.name, **PRESENT)
    assert back.code == 0, back.output
    assert host.file(KEPT).user == "shared"
    assert "typed at the last moment" in alice.open("shared").read_file("kept.txt")
    edit_together(alice, bob, "shared", host, "again.txt")
    share(alice, "bob")
    keep_out(hub, "shared", mallory)


@pytest.mark.long
def test_stopped_hub_stays_stopped(host: Host, platform: Platform, hub: Hub, carol: Person) -> None:
    """Removal does not start a stopped hub, removes what would grant access when it runs again, and deletes files if confirmed."""
    host.check_output("systemctl stop jupyterhub")
    gone = play(
        "jupyter_rtc",
        platform.name,
        **ABSENT,
        jupyterhub_rtc_delete_home=True,
        jupyterhub_rtc_confirm_delete="shared",
    )
    assert gone.code == 0, gone.output
    assert not host.service("jupyterhub").is_running
    assert "removed 1 share and 1 link of users who can no longer share" in gone.said
    assert "files deleted in /home/shared" in gone.said
    assert not host.file("/home/shared").exists
    assert left_different(host, platform) == set()
    host.check_output("systemctl start jupyterhub")
    assert shared(host) == {"carol"}
