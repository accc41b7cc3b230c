# SPDX-License-Identifier: GPL-3.0-or-later
"""The account, its group, the service and the configuration file have names that the administrator chose."""

import pytest
from testinfra.host import Host

from people import Hub, Person, Refused
from scenario import Credentials, edit_together, keep_out, refuse_password

TEAM = "team"


def test_account_has_the_name_and_the_group(host: Host, carol: Person) -> None:
    """Requirements 19 and 20: `team` exists on the hub and on the host, in the given group, and nothing is called `shared`."""
    assert host.user(TEAM).exists
    assert "scientists" in host.user(TEAM).groups
    assert not host.user("shared").exists
    assert carol.api("GET", f"/hub/api/users/{TEAM}").status_code == 200
    assert carol.api("GET", "/hub/api/users/shared").status_code == 404


def test_two_people_edit_on_its_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5 and 19: both start, open and edit on the server of the named account."""
    edit_together(alice, bob, TEAM, host)


def test_no_other_server_is_open(alice: Person, bob: Person) -> None:
    """The rights follow the name: no other server is open."""
    alice.open("alice")
    with pytest.raises(Refused):
        bob.visit("alice")
    with pytest.raises(Refused):
        bob.start("shared")


def test_nobody_logs_in_as_the_account(hub: Hub, host: Host) -> None:
    """Nobody can log in under the chosen name."""
    refuse_password(hub, host, TEAM)


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused."""
    keep_out(hub, TEAM, mallory)


def test_configuration_is_where_it_was_said_to_be(host: Host) -> None:
    """Requirements 1 and 15: the given file ends with one block, and everything above it is unchanged, byte for byte."""
    before = host.file("/root/config.before").content
    after = host.file("/etc/hub/config.py").content
    assert after.startswith(before + b"\n# BEGIN collab.jupyterhub")
    assert after.endswith(b"# END collab.jupyterhub\n")
    assert host.file("/etc/hub/jupyterhub_collab.d/50-rtc.py").exists


def test_their_own_role_for_users_is_extended(alice: Person) -> None:
    """The configuration defines a role `user` of its own, and its scope stays next to ours."""
    scopes = alice.api("GET", "/hub/api/user").json()["scopes"]
    assert {"read:hub", f"servers!server={TEAM}/"} <= set(scopes)
