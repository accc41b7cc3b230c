# SPDX-License-Identifier: GPL-3.0-or-later
"""`jupyter_rtc_venv: none`: servers come from a start script, which runs the snippet in an environment of its own."""

import json

import pytest
from bs4 import BeautifulSoup
from testinfra.host import Host

from people import Failed, Hub, Person
from scenario import Credentials, Platform, edit_together, installed, keep_out, play
from sharing import PAGE, accept, begin, make_link

IMAGE = "/opt/image/bin/python"
HUB = "/opt/hub/bin/python"


@pytest.fixture(scope="module", autouse=True)
def teachers(carol: Person, alice: Person) -> None:
    """Make alice a teacher, so that she can share her own server."""
    answer = carol.api("POST", "/hub/api/groups/teachers/users", {"users": [alice.name]})
    assert answer.status_code == 200, answer.text


def said(host: Host, account: str) -> str:
    """Return what the snippet printed last when an account's server started."""
    lines = host.check_output(
        f"journalctl --no-pager --output=cat --unit=jupyter-{account}-singleuser --grep='snippet.sh: '"
    )
    return str(lines.splitlines()[-1])


def test_two_people_edit_on_the_shared_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5 and 48: the start script has installed everything that this takes."""
    edit_together(alice, bob, "shared", host)
    assert installed(host, IMAGE)["jupyter-collaboration"].startswith("5.0.")


def test_hub_has_nothing_installed(host: Host) -> None:
    """Requirement 47: the hub's environment contains nothing that only servers need."""
    assert "jupyter-collaboration" not in installed(host, HUB)


def test_second_start_installs_nothing(alice: Person, host: Host) -> None:
    """The environment keeps its packages. Our package is installed again, because each server has its own directory for it."""
    alice.open("shared")
    before = installed(host, IMAGE)
    alice.stop("shared")
    alice.open("shared")
    changed = said(host, "shared").partition("changed in /opt/image: ")[2]
    assert changed.startswith("/usr/local/lib/collab.jupyterhub/")
    assert "," not in changed
    assert installed(host, IMAGE) == before


def test_guest_may_not_end_a_server(alice: Person, bob: Person) -> None:
    """The guard is in force where the snippet has installed it."""
    begin(alice)
    accept(bob, make_link(alice))
    refused = bob.visit("alice").api("POST", "api/shutdown")
    assert refused.status_code == 403
    assert "Only the owner, managers and administrators of the hub can shut down this server." in refused.text


def test_server_without_the_snippet_is_closed_to_others(alice: Person, host: Host) -> None:
    """Requirement 91: the hub stops the server if others can open it, and otherwise refuses to share it."""
    for owner in ("shared", alice.name):
        alice.stop(owner)
        host.check_output("touch /home/%s/without-snippet", owner)
    with pytest.raises(Failed, match="its environment lacks the protection"):
        alice.open("shared")
    alice.open(alice.name)
    refused = alice.api("POST", f"/hub/api/share-codes/{alice.name}/", {})
    assert refused.status_code == 409
    page = alice.press(alice.page(PAGE), "Create link")
    assert "This server cannot be shared while it runs" in page.text
    for owner in ("shared", alice.name):
        host.check_output("rm /home/%s/without-snippet", owner)
    alice.open("shared")
    alice.stop(alice.name)


def test_server_that_nobody_may_share_is_plain(bob: Person) -> None:
    """A server that the hub does not choose has no live collaboration, although the packages are installed."""
    server = bob.open("bob")
    server.write_file("seen.txt")
    form = {"format": "text", "type": "file"}
    assert server.api("PUT", "api/collaboration/session/seen.txt", form).status_code == 404
    data = BeautifulSoup(server.page.text, "html.parser").select_one("#jupyter-config-data")
    assert data
    assert "@jupyter/docprovider-extension" in json.loads(data.text)["disabledExtensions"]


def test_who_may_not_write_is_told_where(host: Host) -> None:
    """A user who cannot write there is told so in one sentence, and nothing changes."""
    host.check_output("install -d /root/empty")
    view = "mount --bind /root/empty /usr/local/lib/collab.jupyterhub; exec runuser -u mallory -- /usr/local/bin/snippet.sh $0"
    done = host.run("unshare --mount sh -c %s %s", view, IMAGE)
    assert done.rc == 1
    assert done.stderr == (
        "/usr/local/bin/snippet.sh: Cannot write to /usr/local/lib/collab.jupyterhub. "
        "Run this as root, or as a user who can change it.\n"
    )
    assert host.check_output("ls -A /root/empty") == ""


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused."""
    keep_out(hub, "shared", mallory)


def test_snippet_that_is_no_path_is_refused(platform: Platform) -> None:
    """The play refuses it before anything changes."""
    wrong = play("jupyter_rtc", platform.name, jupyter_rtc_venv="none", jupyterhub_rtc_snippet="snippet.sh")
    assert wrong.code != 0
    assert "jupyterhub_rtc_snippet is 'snippet.sh'. Set it to the absolute path of a file" in wrong.said
    assert wrong.changed == 0
