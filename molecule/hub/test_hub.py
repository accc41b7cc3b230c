# SPDX-License-Identifier: GPL-3.0-or-later
"""Role jupyterhub sets up a hub on a host that had none."""

import pytest
from testinfra.host import Host

from people import Hub, LoginRefused, NotRunning, Person
from scenario import Credentials, Platform, wait_until


def main_process(host: Host, service: str) -> str:
    return str(host.check_output(f"systemctl show --property=MainPID --value {service}"))


@pytest.mark.parametrize("service", ["jupyterhub", "jupyterhub-proxy"])
def test_services_run_and_start_at_boot(host: Host, service: str) -> None:
    assert host.service(service).is_running
    assert host.service(service).is_enabled


def test_login_page_answers(hub: Hub) -> None:
    page = hub.stranger.page("/hub/login")
    assert page.status == 200
    assert page.asks_for_login


def test_hub_has_the_version_that_was_asked_for(hub: Hub, platform: Platform) -> None:
    wanted = {"bookworm": "5", "trixie": "6"}[platform.suite]
    assert hub.version.split(".")[0] == wanted


def test_member_of_the_group_starts_the_own_server(alice: Person) -> None:
    server = alice.open("alice")
    assert server.me()["identity"]["username"] == "alice"
    server.write_file("hello.txt", "hello")
    assert server.read_file("hello.txt") == "hello"


def test_files_belong_to_the_person(alice: Person, host: Host) -> None:
    """The server runs as the person's account, not as the hub's."""
    alice.open("alice").write_file("mine.txt", "mine")
    assert host.file("/home/alice/mine.txt").user == "alice"


def test_others_with_an_account_stay_out(hub: Hub, mallory: Credentials) -> None:
    with pytest.raises(LoginRefused):
        hub.login(mallory.name, mallory.password)


def test_restart_of_the_hub_disturbs_neither_proxy_nor_servers(hub: Hub, alice: Person, host: Host) -> None:
    alice.open("alice")
    proxy = main_process(host, "jupyterhub-proxy")
    before = main_process(host, "jupyterhub")
    host.check_output("systemctl restart jupyterhub")
    # While the hub is down, the proxy still forwards to alice's server.
    assert alice.page("/user/alice/api").status == 200
    wait_until(lambda: hub.api("GET", "/hub/api/").status_code == 200, timeout=60)
    assert main_process(host, "jupyterhub") != before
    assert main_process(host, "jupyterhub-proxy") == proxy
    alice.visit("alice")


def test_nobody_starts_a_server_by_looking_at_it(bob: Person) -> None:
    bob.stop("bob")
    with pytest.raises(NotRunning):
        bob.visit("bob")
