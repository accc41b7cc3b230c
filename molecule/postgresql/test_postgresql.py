# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub in an environment with conda's layout, with its database in PostgreSQL, under a prefix behind nginx."""

from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from people import Hub, Person, Refused
from scenario import (
    Credentials,
    Platform,
    edit_together,
    installed,
    keep_out,
    play,
    undisturbed,
    verified,
    wait_until,
)
from sharing import PAGE, accept, guests, make_link

CONFIG = "/opt/conda/etc/jupyterhub/jupyterhub_config.py"
ADDRESS = "https://hub.example.org/jupyter"
SETTINGS: dict[str, Any] = {
    "jupyter_rtc_config_path": CONFIG,
    "jupyter_rtc_venv": "auto",
    "jupyterhub_rtc_public_url": ADDRESS,
}


def test_packages_are_where_people_have_jupyterlab(host: Host) -> None:
    """The package is in the environment that servers start from, and not in the hub's environment above it."""
    assert installed(host, "/opt/conda/envs/lab/bin/python")["jupyter-collaboration"].startswith("5.0.")
    assert "jupyter-collaboration" not in installed(host, "/opt/conda/bin/python")


def test_two_people_edit_on_the_shared_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5: two people edit on the shared server."""
    edit_together(alice, bob, "shared", host)


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused."""
    keep_out(hub, "shared", mallory)


def test_sharing_page_makes_links_with_the_public_address(alice: Person, bob: Person) -> None:
    """Links have the public address, although the hub's proxy listens for the web server only and does not know that address."""
    alice.open("alice")
    wait_until(lambda: alice.page(PAGE).status == 200)
    link = make_link(alice)
    assert link.startswith(f"{ADDRESS}/hub/accept-share?code=")
    accept(bob, link.replace(ADDRESS, alice.hub.url))
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    assert guests(alice.page(PAGE)) == ["bob"]
    alice.api("DELETE", "/hub/api/shares/alice/")


def test_second_run_changes_nothing(platform: Platform) -> None:
    """A second run changes nothing, and the report names the address that users see, with the prefix."""
    again = play("jupyter_rtc", platform.name, **SETTINGS)
    assert (again.code, again.changed) == (0, 0), again.output
    assert f"Address for users: {ADDRESS}/hub/spawn/shared" in again.said
    assert f"Sharing page: {ADDRESS}/services/sharing/" in again.said


def test_password_of_the_database_is_told_nobody(host: Host, platform: Platform) -> None:
    """The password appears neither in the play's most verbose output nor in what the play leaves on the host."""
    told = play("jupyter_rtc", platform.name, "-vvv", "--diff", **SETTINGS)
    assert told.code == 0, told.output
    assert "of-the-database" not in told.output
    assert host.run("grep -rq of-the-database /var/lib/collab.jupyterhub /opt/conda/etc").rc == 1


def test_verify_finds_nothing_wrong(platform: Platform, tmp_path: Path) -> None:
    """The certificate has another name than the host, so the checks use the proxy's address."""
    assert "two users edit together on the shared server" in verified(platform.name, tmp_path / "report.json")


def test_change_of_modes_and_a_database_that_is_away(
    alice: Person, bob: Person, host: Host, platform: Platform
) -> None:
    """A change of modes leaves servers alone. While the hub cannot reach its database, nothing is changed."""
    with undisturbed(alice, host):
        switched = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_share_all_users=True)
        assert switched.code == 0, switched.output
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    invocation = "systemctl show jupyterhub --property=InvocationID"
    before = host.check_output(invocation)
    host.check_output("systemctl stop postgresql@*")
    refused = play("jupyter_rtc", platform.name, **SETTINGS)
    host.check_output("systemctl start postgresql")
    assert refused.code != 0
    # Before the hub, the play creates the shared account again.
    endings = ("Nothing was changed.", "Only earlier steps made changes: accounts.")
    assert refused.message.endswith(endings), refused.output
    assert "of-the-database" not in refused.output
    assert host.check_output(invocation) == before
    back = play("jupyter_rtc", platform.name, **SETTINGS)
    assert back.code == 0, back.output
    bob.open("shared")


def test_without_it_the_file_is_the_administrators_again(
    alice: Person, host: Host, platform: Platform
) -> None:
    """The file is the administrator's again, and nothing of the collection is left in the database."""
    gone = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_state="absent")
    assert gone.code == 0, gone.output
    assert "collab.jupyterhub" not in host.file(CONFIG).content_string
    assert "jupyter-collaboration" not in installed(host, "/opt/conda/envs/lab/bin/python")
    query = "select name from users union select name from roles union select name from services"
    names = host.check_output("su postgres -c %s", f'psql -At hub -c "{query}"').split()
    assert "shared" not in names
    assert not [name for name in names if "sharing" in name or "collab" in name]
    with pytest.raises(Refused):
        alice.open("shared")
    again = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_state="absent")
    assert (again.code, again.changed) == (0, 0), again.output
