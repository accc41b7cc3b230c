# SPDX-License-Identifier: GPL-3.0-or-later
"""A project's workspaces, on the servers of users who can write or read there, and on the project's own server."""

import httpx
import pytest
from testinfra.host import Host

from people import Hub, Person, Refused, Server
from workspaces import is_refusal

OWNER = "project-rainfall"
DATA = "workspace/rainfall/data"


@pytest.fixture(scope="module")
def dave(hub: Hub) -> Person:
    """A user who may read one of the workspaces and is not a member, logged in."""
    return hub.login("dave", "dave-password")


def session(person: Person) -> Server:
    """Start a new session of a person's own server."""
    person.stop(person.name)
    return person.open(person.name)


def save(server: Server, path: str, text: str) -> httpx.Response:
    """Have JupyterLab save a file."""
    form = {"type": "file", "format": "text", "content": text}
    return server.api("PUT", f"api/contents/{path}", form)


def test_members_and_their_server_edit_each_others_files(alice: Person, bob: Person) -> None:
    """Requirement 81: members and the project's server edit each other's files."""
    hers, theirs = session(alice), alice.open(OWNER)
    assert save(hers, f"{DATA}/from-alice.csv", "1").status_code == 201
    assert save(theirs, f"{DATA}/from-the-server.csv", "1").status_code == 201
    his = session(bob)
    for server, text in ((theirs, "2"), (his, "3"), (hers, "4")):
        for name in ("from-alice.csv", "from-the-server.csv"):
            assert save(server, f"{DATA}/{name}", text).status_code == 200
            assert his.read_file(f"{DATA}/{name}") == text


def test_reader_reads_and_changes_nothing_in_any_way(alice: Person, dave: Person, host: Host) -> None:
    """Requirement 82: readers change nothing in JupyterLab, in a terminal, or on the project's server, which is closed to them."""
    hers = session(alice)
    save(hers, f"{DATA}/table.csv", "1,2")
    server = session(dave)
    assert server.contents.names("workspace/rainfall") == ["data"]
    assert server.read_file(f"{DATA}/table.csv") == "1,2"
    assert is_refusal(save(server, f"{DATA}/table.csv", "3"))
    with server.open_terminal() as terminal:
        terminal.type("echo 3 > /srv/jupyterhub-projects/rainfall/data/table.csv; echo $((6 * 7)) tried")
        terminal.wait_for("42 tried")
        assert "Permission denied" in terminal.screen
    assert host.file("/srv/jupyterhub-projects/rainfall/data/table.csv").content_string == "1,2"
    alice.open(OWNER)
    for go in (dave.visit, dave.open):
        with pytest.raises(Refused):
            go(OWNER)


def test_others_find_nothing(erin: Person, carol: Person) -> None:
    """Requirement 80: others find no workspace, and neither do administrators on their own server. On the project's server, they do."""
    for person in (erin, carol):
        assert "workspace" not in session(person).contents.names()
    assert "rainfall" in carol.open(OWNER).contents.names("workspace")
