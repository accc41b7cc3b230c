# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub as Utrecht University's role sets it up: sudospawner, REMOTE_USER, a proxy on a Unix socket (requirement B12)."""

from typing import Any

import pytest
from testinfra.host import Host

from people import Hub, LoginRefused, Person
from scenario import Credentials, Platform, edit_together, keep_out, play, take_away, undisturbed

CONFIG = "/etc/jupyterhub/jupyterhub_config.py"
SETTINGS: dict[str, Any] = {
    "jupyter_rtc_config_path": CONFIG,
    "jupyterhub_rtc_public_url": "https://hub.example.org",
}
WARNING = (
    "WARNING: This hub cannot keep people from logging in as shared, as its authenticator takes a web server's word for who "
    "somebody is: make sure that the web server never says shared, and that nobody reaches the hub around it."
)


def test_their_block_has_made_room_for_ours(host: Host) -> None:
    """Above our block the file is what it was before their role, and it belongs to whom it belonged."""
    main = host.file(CONFIG)
    assert main.content.startswith(host.file("/root/config.before").content + b"# BEGIN collab.jupyterhub")
    assert b"ANSIBLE MANAGED BLOCK" not in main.content
    assert (main.user, main.group, main.mode) == ("root", "hub", 0o640)


def test_two_people_edit_on_the_shared_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5."""
    edit_together(alice, bob, "shared", host)


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger get nowhere."""
    keep_out(hub, "shared", mallory)


def test_nobody_logs_in_as_the_account_through_the_web_server(hub: Hub, alice: Person, host: Host) -> None:
    """The web server knows no `shared`, and does not pass on what a browser says about who it is."""
    host.check_output("echo shared:a-password | chpasswd")
    with pytest.raises(LoginRefused):
        hub.login("shared", "a-password")
    host.check_output("usermod --lock shared")
    forged = Person(hub, "alice", {**alice.headers, "REMOTE_USER": "shared", "Remote-User": "shared"})
    forged.page("/hub/login", next="/hub/home")
    assert forged.api("GET", "/hub/api/user").json()["name"] == "alice"


def test_who_gets_around_the_web_server_is_whoever_they_say(host: Host, platform: Platform) -> None:
    """What no configuration of the hub prevents, and the play therefore warns of."""
    code = (
        "import urllib.request as r; "
        "q = r.Request('http://127.0.0.1:8081/hub/login?next=/hub/api/user', headers={'REMOTE_USER': 'shared'}); "
        "print(r.build_opener(r.HTTPCookieProcessor()).open(q).read().decode())"
    )
    assert '"name": "shared"' in host.check_output("su mallory -c %s", f'python3 -c "{code}"')
    again = play("jupyter_rtc", platform.name, **SETTINGS)
    assert (again.code, again.changed) == (0, 0), again.output
    assert WARNING in again.said
    assert "nobody logs in as shared" not in again.said


def test_restart_leaves_servers_and_open_documents_alone(
    alice: Person, host: Host, platform: Platform
) -> None:
    """The hub's account may not end anybody's server, and need not: it is asked for its shutdown through its API."""
    with undisturbed(alice, host):
        switched = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_user_sharing=False)
        assert switched.code == 0, switched.output
        assert "The hub was killed" not in switched.said


def test_configuration_was_never_run_with_roots_rights(host: Host) -> None:
    """Trials, the discovery and the hub itself: all that has loaded the file did so as the hub's account."""
    assert set(host.file("/var/log/jupyterhub-loaded").content_string.split()) == {str(host.user("hub").uid)}


def test_without_it_the_main_file_is_the_administrators_again(
    alice: Person, host: Host, platform: Platform
) -> None:
    """Byte for byte, as it was before Utrecht's role."""
    take_away(alice, host, platform, CONFIG, host.file("/root/config.before").content)
