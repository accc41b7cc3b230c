# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub as Utrecht University's roles set it up: on a Unix socket, with sudospawner, behind a web server that identifies users."""

from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from people import Hub, LoginRefused, Person, Refused
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

CONFIG = "/usr/local/etc/jupyter/jupyterhub_config.py"
PYTHON = "/usr/local/jupyterhub/bin/python"
UNKNOWN = (
    "Address for users: unknown, because users reach the hub through another web server than its own proxy"
)


def test_their_block_has_made_room_for_ours(host: Host) -> None:
    """Above our block, the file is what it was before their role, and has the same owner, group and mode."""
    main = host.file(CONFIG)
    assert main.content.startswith(host.file("/root/config.before").content + b"# BEGIN collab.jupyterhub")
    assert b"ANSIBLE MANAGED BLOCK -- Jupyter RTC" not in main.content
    assert (main.user, main.group, main.mode) == ("root", "jupyter", 0o640)


def test_two_people_edit_on_the_shared_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5: two people edit on the shared server."""
    edit_together(alice, bob, "shared", host)


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused."""
    keep_out(hub, "shared", mallory)


def test_nobody_logs_in_as_the_account_through_the_web_server(hub: Hub, alice: Person, host: Host) -> None:
    """The web server does not know `shared`, and does not pass on who a browser claims to be."""
    host.check_output("echo shared:a-password | chpasswd")
    with pytest.raises(LoginRefused):
        hub.login("shared", "a-password")
    host.check_output("usermod --lock shared")
    forged = Person(hub, "alice", {**alice.headers, "REMOTE_USER": "shared", "Remote-User": "shared"})
    forged.page("/hub/login", next="/hub/home")
    assert forged.api("GET", "/hub/api/user").json()["name"] == "alice"


def test_sharing_page_asks_a_hub_on_a_socket(hub: Hub, alice: Person, bob: Person) -> None:
    """Links begin with the address that users see, and a user who accepts one has access."""
    alice.open("alice")
    wait_until(lambda: alice.page(PAGE).status == 200)
    link = make_link(alice)
    assert link.startswith(f"{hub.url}/hub/accept-share?code=")
    accept(bob, link)
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    assert guests(alice.page(PAGE)) == ["bob"]
    alice.api("DELETE", "/hub/api/shares/alice/")


def test_nobody_logs_in_as_the_account_around_the_web_server(host: Host, platform: Platform) -> None:
    """A local request can claim every name except `shared` on this hub. Double slashes in paths make no difference."""
    code = (
        "import sys, urllib.request as r; "
        "q = r.Request('http://127.0.0.1:8000/hub/login?next=/hub/api/user', headers={'REMOTE_USER': sys.argv[1]}); "
        "print(r.build_opener(r.HTTPCookieProcessor()).open(q).read().decode())"
    )
    assert '"name": "alice"' in host.check_output("su mallory -c %s", f'python3 -c "{code}" alice')
    refused = host.run("su mallory -c %s", f'python3 -c "{code}" shared')
    assert "HTTP Error 403" in refused.stderr
    again = play(
        "jupyter_rtc",
        platform.name,
        jupyter_rtc_config_path=CONFIG.replace("/jupyter/", "/jupyter//"),
        jupyter_rtc_venv="/usr/local/jupyterhub/",
    )
    assert (again.code, again.changed) == (0, 0), again.output
    assert "Nobody can log in as shared" in again.said
    assert UNKNOWN in again.said
    assert "127.0.0.1" not in again.said.partition("Address for users")[2]


def test_modes_are_switched_and_back_and_the_account_stays_known(
    alice: Person, bob: Person, host: Host, platform: Platform
) -> None:
    """The hub is asked to shut down, and the account that their role created stays known without their block."""
    with undisturbed(alice, host, interrupts=True):
        switched = play("jupyter_rtc", platform.name, jupyter_rtc_share_all_users=True)
        assert switched.code == 0, switched.output
        assert "The hub was killed" not in switched.said
    assert host.user("shared").exists
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    assert play("jupyter_rtc", platform.name, jupyter_rtc_share_all_users=True).changed == 0
    back = play("jupyter_rtc", platform.name)
    assert back.code == 0, back.output
    bob.open("shared")
    assert play("jupyter_rtc", platform.name).changed == 0


def test_verify_needs_no_variable(platform: Platform, tmp_path: Path) -> None:
    """Verify finds nothing wrong, although no variable describes the hub.

    Its users come with tokens, because they cannot log in at the web server.
    """
    assert {
        "two users edit together on a server with a share",
        "two users edit together on the shared server",
    } <= verified(platform.name, tmp_path / "report.json")


def test_configuration_was_never_run_with_roots_rights(host: Host) -> None:
    """All processes that loaded the file did so as the hub's account: dry runs, the discovery and the hub itself."""
    assert set(host.file("/var/log/jupyterhub-loaded").content_string.split()) == {
        str(host.user("jupyter").uid)
    }


def test_hub_that_cannot_be_seen_is_left_alone(host: Host, platform: Platform) -> None:
    """A hub whose socket has moved since it started is not killed, and nothing changes."""
    socket = "/var/www/jupyter/jupyterhub.sock"
    before = host.check_output("systemctl show jupyterhub --property=InvocationID")
    host.check_output("mv %s %s.away", socket, socket)
    refused = play("jupyter_rtc", platform.name, jupyter_rtc_user_sharing=False)
    host.check_output("mv %s.away %s", socket, socket)
    assert refused.code != 0
    assert "the hub runs, but cannot be checked during a change: nothing answers at" in refused.message
    assert refused.message.endswith("Nothing was changed.")
    assert "does not start with it either" not in refused.said
    assert host.check_output("systemctl show jupyterhub --property=InvocationID") == before


def test_without_it_the_main_file_is_the_administrators_again(
    alice: Person, host: Host, platform: Platform
) -> None:
    """The file is what it was before Utrecht's role, byte for byte. Everything else that their role created stays."""
    gone: Any = play("jupyter_rtc", platform.name, jupyter_rtc_state="absent")
    assert gone.code == 0, gone.output
    main = host.file(CONFIG)
    assert main.content == host.file("/root/config.before").content
    assert (main.user, main.group, main.mode) == ("root", "jupyter", 0o640)
    assert not host.file("/usr/local/etc/jupyter/jupyterhub_collab.d").exists
    assert not host.file("/var/lib/collab.jupyterhub").exists
    assert host.user("shared").exists
    assert "jupyter-collaboration" in installed(host, PYTHON)
    with pytest.raises(Refused):
        alice.open("shared")
    again = play("jupyter_rtc", platform.name, jupyter_rtc_state="absent")
    assert (again.code, again.changed) == (0, 0), again.output
