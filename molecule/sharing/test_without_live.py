# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing without live collaboration (`jupyterhub_rtc_servers: none`). Runs last, because it removes live collaboration."""

import pytest
from testinfra.host import Host

from people import Person, Refused
from scenario import Platform, play
from sharing import PAGE, SETTINGS, accept, begin, guests, log, make_link

MENU = "/usr/local/jupyterhub/share/jupyter/lab/settings/overrides.d/collab-sharing.json"
FRAGMENTS = "/usr/local/etc/jupyter/jupyterhub_collab.d"


@pytest.mark.long
def test_hub_keeps_sharing_and_nothing_else(
    platform: Platform, alice: Person, bob: Person, host: Host
) -> None:
    """Live collaboration and the shared account are gone, and what users have shared stays."""
    begin(alice)
    accept(bob, make_link(alice))
    given = play("jupyter_rtc", platform.name, jupyterhub_rtc_servers="none", **SETTINGS)
    assert given.code == 0, given.output
    assert "Users can share their own server on the hub's sharing page, by link and by name;" in given.output
    assert "account shared removed" in given.output
    assert "removed jupyter-collaboration" in given.output
    assert sorted(host.file(FRAGMENTS).listdir()) == ["10-jupyterhub.py", "60-sharing.py"]
    assert host.run("/usr/local/jupyterhub/bin/python -c 'import jupyter_collaboration'").failed
    assert not host.user("shared").exists
    assert "Share your server" in host.file(MENU).content_string
    assert guests(alice.page(PAGE)) == ["bob"]
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    with pytest.raises(Refused):
        bob.open("shared")
    again = play("jupyter_rtc", platform.name, jupyterhub_rtc_servers="none", **SETTINGS)
    assert (again.code, again.changed) == (0, 0), again.output


@pytest.mark.long
def test_removal_ends_what_was_shared(platform: Platform, bob: Person, host: Host) -> None:
    """Guests lose access, the hub's files are as before, and the log stays."""
    gone = play("jupyter_rtc", platform.name, jupyterhub_rtc_state="absent")
    assert gone.code == 0, gone.output
    with pytest.raises(Refused):
        bob.visit("alice")
    assert bob.page(PAGE).status == 404
    assert not host.file(f"{FRAGMENTS}/60-sharing.py").exists
    assert not host.file(MENU).exists
    assert log(host)
