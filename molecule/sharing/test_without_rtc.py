# SPDX-License-Identifier: GPL-3.0-or-later
"""Role jupyterhub_sharing alone, on a hub without collaboration. Runs last, because it removes collaboration."""

import pytest
from testinfra.host import Host

from people import Person, Refused
from scenario import Platform, play, role
from sharing import PAGE, SETTINGS, accept, begin, guests, log, make_link

MENU = "/usr/local/jupyterhub/share/jupyter/lab/settings/overrides.d/collab-sharing.json"
FRAGMENT = "/usr/local/etc/jupyter/jupyterhub_collab.d/60-sharing.py"


@pytest.mark.long
def test_role_alone_gives_sharing_and_nothing_else(
    platform: Platform, alice: Person, bob: Person, host: Host
) -> None:
    gone = play("jupyter_rtc", platform.name, jupyterhub_rtc_state="absent")
    assert gone.code == 0, gone.output
    assert not host.file(MENU).exists
    given = role("jupyterhub_sharing", platform.name, **SETTINGS)
    assert given.code == 0, given.output
    assert "Users can share their own server on the hub's sharing page, by link and by name;" in given.output
    assert "Share your server" in host.file(MENU).content_string
    begin(alice)
    accept(bob, make_link(alice))
    assert guests(alice.page(PAGE)) == ["bob"]
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    with pytest.raises(Refused):
        bob.open("shared")
    again = role("jupyterhub_sharing", platform.name, **SETTINGS)
    assert (again.code, again.changed) == (0, 0), again.output


@pytest.mark.long
def test_it_goes_again_and_ends_what_was_shared(platform: Platform, bob: Person, host: Host) -> None:
    """Guests lose access, the hub's files are as before, and the log stays."""
    gone = role("jupyterhub_sharing", platform.name, jupyterhub_sharing_state="absent")
    assert gone.code == 0, gone.output
    with pytest.raises(Refused):
        bob.visit("alice")
    assert bob.page(PAGE).status == 404
    for path in (FRAGMENT, MENU):
        assert not host.file(path).exists
    assert log(host)
