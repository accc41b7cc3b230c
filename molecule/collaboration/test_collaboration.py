# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that people share have live collaboration, and no others do; what it needs exists for those servers only."""

import json
from typing import Any

import pytest
from bs4 import BeautifulSoup
from testinfra.host import Host

from people import Person, Refused, Server
from scenario import Platform, kill_server, play, wait_until

SETTINGS: dict[str, Any] = {
    "jupyterhub_sharing_groups": ["teachers"],
    "jupyterhub_sharing_revocation_seconds": 1,
    "jupyterhub_rtc_mem_limit": "1G",
    "jupyterhub_rtc_cpu_limit": 1.5,
    "jupyterhub_rtc_history_megabytes": 20,
}
STATE = "/var/lib/jupyterhub-rtc"
BEFORE = "Restart these servers to pick up the change: "
EXTENSIONS = {"@jupyter/collaboration-extension", "@jupyter/docprovider-extension"}
SHARE_BUTTON = "@jupyter/collaboration-extension:shared-link"
PYTHON = "/usr/local/jupyterhub/bin/python"
DATABASE = "/var/lib/jupyterhub/jupyterhub.sqlite"
VISITORS = """
select count(*) from api_tokens join users on users.id = user_id
where client_id = 'jupyterhub-user-' || ? and users.name like ?
"""


@pytest.fixture(scope="module", autouse=True)
def teachers(carol: Person, alice: Person) -> None:
    """Make alice a teacher, so that she can share her own server."""
    answer = carol.api("POST", "/hub/api/groups/teachers/users", {"users": [alice.name]})
    assert answer.status_code == 200, answer.text


def disabled(server: Server) -> set[str]:
    """Return the extensions that JupyterLab's page turns off."""
    data = BeautifulSoup(server.page.text, "html.parser").select_one("#jupyter-config-data")
    assert data
    return set(json.loads(data.text)["disabledExtensions"])


def is_live(server: Server) -> bool:
    server.write_file("seen.txt")
    form = {"format": "text", "type": "file"}
    on_server = server.api("PUT", "api/collaboration/session/seen.txt", form).status_code in (200, 201)
    on_page = not disabled(server) & EXTENSIONS
    assert on_server == on_page
    return on_page


def environment(host: Host, account: str) -> dict[str, str]:
    """Return the environment that an account's server was started with."""
    pid = host.check_output("pgrep --oldest --uid %s --full singleuser", account)
    # As the account, because root in a container may not read the environment of every process.
    lines = host.check_output(f"runuser -u {account} -- cat /proc/{pid}/environ").split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def limits(host: Host, account: str) -> dict[str, str]:
    """Return the limits that systemd enforces for a server's unit."""
    unit = f"jupyter-{account}-singleuser"
    shown = host.check_output(f"systemctl show {unit} --property=MemoryMax,CPUQuotaPerSecUSec")
    return dict(line.split("=", 1) for line in shown.splitlines())


def visitors(host: Host, owner: str, name: str = "%") -> int:
    """Return how many tokens the hub keeps for the browsers of a server's visitors: of all, or of one."""
    code = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute(sys.argv[2], sys.argv[3:]).fetchone())"
    return int(host.check_output(f"{PYTHON} -c %s %s %s %s %s", code, DATABASE, VISITORS, owner, name))


def hub_takes(person: Person, token: str) -> bool:
    return person.hub.api("GET", "/hub/api/user", token=token).status_code == 200


def test_shared_server_and_those_of_sharers_are_live(alice: Person, bob: Person, host: Host) -> None:
    for server in (bob.open("shared"), alice.open("alice")):
        assert is_live(server)
        assert SHARE_BUTTON in disabled(server)
        account = server.owner
        told = json.loads(environment(host, account)["JUPYTERHUB_COLLAB"])
        assert told["state_directory"] == f"{STATE}/{account}/default"
        assert (told["history_megabytes"], told["idle_seconds"]) == (20, 0)
        assert told["email_domain"] == host.check_output(
            f"{PYTHON} -c 'import socket; print(socket.getfqdn())'"
        )


def test_server_that_nobody_may_share_is_plain(bob: Person, host: Host) -> None:
    bob.stop("bob")
    assert not is_live(bob.open("bob"))
    assert not {"JUPYTERHUB_COLLAB", "JUPYTER_CONFIG_PATH"} & environment(host, "bob").keys()
    assert not host.file(f"{STATE}/bob").exists


def test_shared_account_has_its_limits_and_nobody_else(alice: Person, bob: Person, host: Host) -> None:
    """Requirement 70: the limits apply to the shared account only."""
    alice.open("shared")
    alice.open("alice")
    assert limits(host, "shared") == {"MemoryMax": "1073741824", "CPUQuotaPerSecUSec": "1.500000s"}
    assert set(limits(host, "alice").values()) == {"infinity"}


def test_pages_that_stay_open_share_a_kernel_again(alice: Person, bob: Person) -> None:
    """After a restart, each open page starts a session, and they share one kernel. Only the kernel of the second session is removed."""
    one, other = alice.open("shared"), bob.open("shared")
    one.create_notebook("shared-kernel.ipynb", "1")
    before = {kernel["id"] for kernel in one.kernels()}
    first = one.session_of_open_page("shared-kernel.ipynb")["kernel"]["id"]
    assert first not in before
    assert other.session_of_open_page("shared-kernel.ipynb")["kernel"]["id"] == first
    wait_until(lambda: {kernel["id"] for kernel in one.kernels()} == before | {first})

    # A page that asks for a certain kernel gets that kernel.
    chosen = one.start_kernel()["id"]
    assert other.session_of_open_page("shared-kernel.ipynb", {"id": chosen})["kernel"]["id"] == chosen
    # A notebook that is renamed to this path keeps its own kernel.
    renamed = one.session("renamed.ipynb")
    moved = one.ask("PATCH", f"api/sessions/{renamed['id']}", {"path": "shared-kernel.ipynb"})
    assert moved["kernel"]["id"] == renamed["kernel"]["id"]
    kernels = {first, chosen, renamed["kernel"]["id"]}
    assert {kernel["id"] for kernel in one.kernels()} == before | kernels
    for kernel in kernels:
        one.ask("DELETE", f"api/kernels/{kernel}")


def test_state_is_private(alice: Person, host: Host) -> None:
    alice.open("shared")
    alice.open("alice")
    for account in ("shared", "alice"):
        private = host.file(f"{STATE}/{account}/default")
        assert (private.user, private.mode) == (account, 0o700)
        parent = host.file(f"{STATE}/{account}")
        assert (parent.user, parent.mode) == ("root", 0o711)
    assert (host.file(STATE).user, host.file(STATE).mode) == ("root", 0o711)
    assert "Permission denied" in host.run("runuser -u bob -- ls %s", f"{STATE}/shared/default").stderr
    assert host.run("runuser -u shared -- touch %s", f"{STATE}/shared/default/mine").rc == 0


@pytest.mark.parametrize("hub_restarts", [False, True])
def test_open_page_comes_back_and_the_servers_own_token_does_not(
    hub_restarts: bool, alice: Person, host: Host
) -> None:
    """Requirement 78: also if the hub restarts in between, and remembers neither that it chose the server nor the server's token."""
    server = alice.open("shared")
    token = environment(host, "shared")["JUPYTERHUB_API_TOKEN"]
    assert hub_takes(alice, token)
    if hub_restarts:
        host.check_output("systemctl restart jupyterhub")
        wait_until(lambda: alice.hub.is_up and hub_takes(alice, token), 60)
    alice.stop("shared")
    assert not hub_takes(alice, token)
    if hub_restarts:  # and once more
        host.check_output("systemctl restart jupyterhub")
        wait_until(lambda: alice.hub.is_up, 60)
    alice.start("shared")
    answer = server.api("GET", "api/me")
    assert (answer.status_code, str(answer.url)) == (200, f"{server.url}api/me")
    assert not hub_takes(alice, token)


def test_server_that_died_while_the_hub_was_down(alice: Person, host: Host) -> None:
    """A page also reconnects if the server died while the hub was down, as all servers do when the host restarts."""
    server = alice.open("shared")
    token = environment(host, "shared")["JUPYTERHUB_API_TOKEN"]
    host.check_output("systemctl stop jupyterhub")
    kill_server(host, "shared")
    host.check_output("systemctl start jupyterhub")
    wait_until(lambda: alice.hub.is_up and not hub_takes(alice, token), 60)
    alice.start("shared")
    assert server.me()["identity"]["username"] == "alice"


def test_who_lost_access_does_not_come_back(alice: Person, bob: Person, host: Host) -> None:
    """The token of his browser is gone, even if the server starts again at once."""
    alice.open("alice")
    share = alice.api("POST", "/hub/api/shares/alice/", {"user": "bob"})
    assert share.status_code in (200, 201), share.text
    server = bob.visit("alice")
    assert server.me()["identity"]["username"] == "bob"
    alice.stop("alice")  # which also ends its shares
    alice.start("alice")
    assert visitors(host, "alice", "bob") == 0
    assert server.api("GET", "api/me").status_code == 403
    with pytest.raises(Refused):
        bob.visit("alice")


def test_server_that_is_no_longer_chosen_is_as_any_other(alice: Person, carol: Person, host: Host) -> None:
    """Its visitors' tokens are gone with its next start."""
    alice.open("alice")
    alice.stop("alice")
    assert visitors(host, "alice") > 0
    members = "/hub/api/groups/teachers/users"
    assert carol.api("DELETE", members, {"users": ["alice"]}).status_code == 200
    try:
        alice.start("alice")
        assert visitors(host, "alice") == 0
        assert not is_live(alice.open("alice"))
        alice.stop("alice")
        assert visitors(host, "alice") == 0
    finally:
        carol.api("POST", members, {"users": [alice.name]})


def test_play_names_the_servers_that_were_started_before(
    platform: Platform, alice: Person, bob: Person, host: Host
) -> None:
    """Requirement 49: the play names the servers that started before the change, until they are restarted."""
    alice.open("shared")
    bob.open("bob")
    changed = play("jupyter_rtc", platform.name, **SETTINGS | {"jupyterhub_rtc_history_megabytes": 30})
    assert changed.code == 0, changed.output
    assert f"{BEFORE}bob, shared" in changed.said
    again = play("jupyter_rtc", platform.name, **SETTINGS | {"jupyterhub_rtc_history_megabytes": 30})
    assert (again.code, again.changed) == (0, 0), again.output
    assert f"{BEFORE}bob, shared" in again.said
    # They still read from the version of the package that they were started with.
    assert host.file(environment(host, "shared")["JUPYTER_CONFIG_PATH"]).is_directory
    alice.stop("shared")
    bob.stop("bob")
    alice.open("shared")
    renewed = play("jupyter_rtc", platform.name, **SETTINGS | {"jupyterhub_rtc_history_megabytes": 30})
    assert (renewed.code, renewed.changed) == (0, 0), renewed.output
    assert BEFORE not in renewed.said


@pytest.mark.long
def test_everyone(platform: Platform, bob: Person) -> None:
    bob.stop("bob")
    everyone = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_servers="everyone")
    assert everyone.code == 0, everyone.output
    assert "All servers have live collaboration" in everyone.said
    assert is_live(bob.open("bob"))


@pytest.mark.long
def test_state_goes_with_collaboration(platform: Platform, host: Host) -> None:
    # Running servers read from the version that they were started with.
    host.check_output("systemctl stop 'jupyter-*-singleuser.service'")
    gone = play("jupyter_rtc", platform.name, jupyterhub_rtc_state="absent")
    assert gone.code == 0, gone.output
    assert f"document history deleted in {STATE}" in gone.said
    assert not host.file(STATE).exists
    # The version that the fragment of role jupyterhub names stays.
    (version,) = host.check_output("ls -d /usr/local/lib/collab.jupyterhub/????????????").split()
    fragment = host.file("/usr/local/etc/jupyter/jupyterhub_collab.d/10-jupyterhub.py")
    assert f'"{version}/' in fragment.content_string
    assert not host.file(
        "/usr/local/jupyterhub/etc/jupyter/jupyter_server_config.d/zz-collab-rtc.json"
    ).exists
