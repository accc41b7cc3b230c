# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared user mode: what people do together. Scenario access covers who may do what on the hub and on servers."""

import pytest
from testinfra.host import Host

from people import Hub, LoginRefused, NotRunning, Person, Refused
from scenario import (
    PASSWORDS,
    Credentials,
    Platform,
    changed_files,
    edit_together,
    installed,
    keep_out,
    kill_server,
    play,
    refuse_password,
)

SHARED = "shared"


@pytest.fixture
def stopped(host: Host, carol: Person) -> None:
    """Stop the shared server."""
    kill_server(host, SHARED)
    carol.stop(SHARED)


def test_account_is_known_to_hub_and_host(host: Host, carol: Person) -> None:
    """Requirements 2 and 20: the hub knows `shared`, and so does the host, in the group that may use the hub."""
    assert carol.api("GET", "/hub/api/users/shared").json()["name"] == SHARED
    account = host.user(SHARED)
    assert account.exists
    assert "jupyterhub" in account.groups
    assert host.file(account.home).mode == 0o700


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("opener", ["alice", "bob"])
def test_plain_user_opens_the_shared_server_whether_it_runs_or_not(opener: str, hub: Hub) -> None:
    """Requirements 3, 5 and 12: /hub/spawn/shared starts the server or opens the running one, and users keep their own names."""
    person = hub.login(opener, PASSWORDS[opener])
    assert person.open(SHARED).me()["identity"]["username"] == opener
    assert person.open(SHARED).me()["identity"]["username"] == opener


def test_two_people_edit_one_text_file(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 4, 42, 65 and 68: both edits arrive, and the file on disk holds them without anyone saving."""
    edit_together(alice, bob, SHARED, host)


def test_two_people_edit_one_cell_at_the_same_time(alice: Person, bob: Person) -> None:
    """Requirement 66: what both type into one cell, in turns and without waiting, converges, and nothing is lost."""
    server = alice.open(SHARED)
    server.create_notebook("both.ipynb")
    with server.document("both.ipynb") as hers, bob.open(SHARED).document("both.ipynb") as his:
        cell = hers.append_cell("")
        his.wait_until(lambda document: len(document.cells) == len(hers.cells))
        for number in range(20):
            hers.edit_cell(cell, 0, f"a{number:02};")
            his.edit_cell(cell, 0, f"b{number:02};")
        everything = {f"{who}{number:02}" for who in "ab" for number in range(20)}
        for document in (hers, his):
            document.wait_until(lambda d: set(d.cells[cell]["source"].strip(";").split(";")) == everything)
        hers.wait_until(lambda document: document.cells[cell]["source"] == his.cells[cell]["source"])


def test_people_see_each_other(alice: Person, bob: Person) -> None:
    """Requirement 67: collaborators see who else is in the document."""
    server = alice.open(SHARED)
    server.write_file("seen.txt", "some words")
    with server.document("seen.txt") as hers, bob.open(SHARED).document("seen.txt") as his:
        hers.point_at(4)
        his.point_at(7)
        for document in (hers, his):
            document.wait_until(
                lambda d: {person.username for person in d.awareness if person.cursor} == {"alice", "bob"}
            )


def test_execution_is_shared(alice: Person, bob: Person) -> None:
    """Requirement 69: there is one kernel. Bob sees what alice runs, and can continue with it."""
    server = alice.open(SHARED)
    server.create_notebook("run.ipynb")
    with server.document("run.ipynb") as hers, bob.open(SHARED).document("run.ipynb") as his:
        hers.run_cell(hers.append_cell("answer = 6 * 7; print(answer)"))
        his.wait_until(lambda document: document.printed(-1) == "42\n")
        his.run_cell(his.append_cell("print(answer + 1)"))
        hers.wait_until(lambda document: document.printed(-1) == "43\n")


def test_users_share_their_own_server_beside_the_shared_one(alice: Person, bob: Person) -> None:
    """Requirements 6 and 8: a user without special rights creates a share and a share code, and the guest can use both servers."""
    alice.open("alice")
    with pytest.raises(Refused):
        bob.visit("alice")
    code = alice.api("POST", "/hub/api/share-codes/alice/")
    assert code.status_code in (200, 201), code.text
    assert "accept_url" in code.json()
    share = alice.api(
        "POST", "/hub/api/shares/alice/", {"user": "bob", "scopes": ["access:servers!server=alice/"]}
    )
    assert share.status_code in (200, 201), share.text
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    assert bob.open(SHARED).me()["identity"]["username"] == "bob"
    assert alice.api("DELETE", "/hub/api/shares/alice/").status_code == 204
    assert alice.api("DELETE", "/hub/api/share-codes/alice/").status_code == 204


def test_nothing_of_the_account_but_its_server(bob: Person) -> None:
    """Requirement 5: users can neither create tokens for the account, nor change or delete it, nor see its processes."""
    assert bob.api("POST", "/hub/api/users/shared/tokens", {}).status_code in (403, 404)
    assert bob.api("PATCH", "/hub/api/users/shared", {"admin": True}).status_code in (403, 404)
    assert bob.api("DELETE", "/hub/api/users/shared").status_code in (403, 404)
    state = bob.api("GET", "/hub/api/users/shared")
    assert "pid" not in state.text and "unit_name" not in state.text


def test_nobody_logs_in_as_the_account(hub: Hub, host: Host) -> None:
    """No password opens the account, not even one that the host would accept."""
    with pytest.raises(LoginRefused):
        hub.login(SHARED, "")
    refuse_password(hub, host, SHARED)


def test_outsiders_stay_out(hub: Hub, mallory: Credentials, alice: Person) -> None:
    """Mallory, who has an account and a password on the host but is not in the hub's group, is refused, and so is a stranger."""
    alice.open(SHARED)
    keep_out(hub, SHARED, mallory)


def test_anyone_stops_it_and_then_it_is_gone(alice: Person, bob: Person) -> None:
    """A user who can start the shared server can also stop it. Opening it without a start then says that it is not running."""
    alice.open(SHARED)
    bob.stop(SHARED)
    with pytest.raises(NotRunning):
        alice.visit(SHARED)


def test_right_version_is_in_the_right_place(host: Host) -> None:
    """Requirements 13, 16 and B12: server and lab extension are in the default environment, and JupyterLab's version is unchanged."""
    venv = "/usr/local/jupyterhub"
    versions = installed(host, f"{venv}/bin/python")
    assert versions["jupyterlab"].startswith("4.6.")
    assert versions["jupyter-collaboration"].startswith("5.0.")
    extensions = host.check_output(f"{venv}/bin/jupyter server extension list 2>&1")
    assert "jupyter_server_ydoc" in extensions
    lab = host.check_output(f"{venv}/bin/jupyter labextension list 2>&1")
    assert "@jupyter/collaboration-extension" in lab


def test_host_differs_only_in_what_is_ours(host: Host, platform: Platform) -> None:
    """Requirement 1: apart from our own files and one marked block, the host is unchanged."""
    allowed = (
        "/usr/local/etc/jupyter/jupyterhub_collab.d",
        "/usr/local/etc/jupyter/jupyterhub_config.py",
        "/usr/local/lib/collab.jupyterhub",
        "/var/lib/collab.jupyterhub",
        "/usr/local/jupyterhub/",  # the packages of jupyter-collaboration
        "/home",  # users who tried it
        *(
            f"/etc/{name}" for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")
        ),  # the account
    )
    assert {path for path in changed_files(host, platform) if not path.startswith(allowed)} == set()


@pytest.mark.parametrize("no", [False, "false"])
def test_again_changes_nothing_and_restarts_nothing(
    no: object, host: Host, platform: Platform, alice: Person
) -> None:
    """Requirement 18: a run with nothing to do leaves hub and servers alone. A text that says no means no."""
    alice.open(SHARED)
    before = host.check_output("systemctl show jupyterhub jupyter-shared-singleuser -p InvocationID")
    again = play("jupyter_rtc", platform.name, jupyter_rtc_share_all_users=no)
    assert (again.code, again.changed) == (0, 0), again.output
    assert "Mode: shared user" in again.said
    assert "Address for users: http://HOST:8000/hub/spawn/shared" in again.said
    assert host.check_output("systemctl show jupyterhub jupyter-shared-singleuser -p InvocationID") == before


def test_what_someone_has_changed_in_our_files_comes_back(host: Host, platform: Platform) -> None:
    """JupyterLab's settings are checked together with the rest of the host, and one run restores both of our files."""
    lab = "/usr/local/jupyterhub"
    off = f"{lab}/etc/jupyter/labconfig/page_config.d/collab-rtc.json"
    menus = f"{lab}/share/jupyter/lab/settings/overrides.d/collab-sharing.json"
    before = [host.file(path).content for path in (off, menus)]
    host.check_output("echo '{}' > %s && rm %s", off, menus)
    again = play("jupyter_rtc", platform.name)
    assert (again.code, again.changed) == (0, 1), again.output
    assert [host.file(path).content for path in (off, menus)] == before
