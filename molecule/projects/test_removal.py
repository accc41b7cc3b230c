# SPDX-License-Identifier: GPL-3.0-or-later
"""A project is deleted: confirmed, with an archive, while people edit in it. These tests run last, and in order."""

import tarfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from testinfra.host import Host

from people import Person, Refused
from scenario import Play, wait_until

Run = Callable[..., Play]
ARCHIVE = "/var/backups/projects"
GONE: dict[str, Any] = {
    "jupyterhub_projects": [{"name": "rainfall", "state": "absent"}, {"name": "snow"}],
    "jupyterhub_projects_confirm_delete": ["rainfall"],
    "jupyterhub_projects_archive": ARCHIVE,
}


def test_check_mode_tells_what_would_go(run: Run, host: Host) -> None:
    told = run("--check", **GONE)
    assert told.code == 0, told.output
    assert (
        "The project rainfall is permanently deleted, with all its files. An archive is kept in" in told.said
    )
    assert "Would change" in told.said
    assert host.user("project-rainfall").exists


def test_project_goes_while_people_edit_in_it(run: Run, host: Host, alice: Person, bob: Person) -> None:
    """Requirement 89: a project can be deleted while people edit in it, and the archive has what they typed last."""
    server = alice.open("project-rainfall")
    server.write_file("last.txt")
    with server.document("last.txt") as hers, bob.visit("project-rainfall").document("last.txt") as his:
        hers.insert(0, "typed last\n")
        his.wait_until(lambda document: document.text == "typed last\n")
        gone = run(**GONE)
        assert gone.code == 0, gone.output
        wait_until(lambda: hers.closed_by_server and his.closed_by_server)
    assert "the hub user project-rainfall with server and tokens" in gone.said
    assert not host.user("project-rainfall").exists
    assert not host.file("/srv/jupyterhub-projects/rainfall").exists
    assert not host.file("/home/project-rainfall").exists
    for person in (alice, bob):
        with pytest.raises(Refused):
            person.open("project-rainfall")
    archives = host.file(ARCHIVE).listdir()
    assert len(archives) == 1, archives
    file = host.file(f"{ARCHIVE}/{archives[0]}")
    assert (file.user, file.mode) == ("root", 0o600)
    with tarfile.open(fileobj=BytesIO(file.content)) as archive:
        members = [member for member in archive.getmembers() if member.name.endswith("/last.txt")]
        contents = [opened.read() for member in members if (opened := archive.extractfile(member))]
    assert b"typed last\n" in contents
    again = run(**GONE)
    assert (again.code, again.changed) == (0, 0), again.output


@pytest.mark.long
def test_collaboration_goes_and_files_stay(run: Run, host: Host, alice: Person) -> None:
    host.check_output("echo kept > /srv/jupyterhub-projects/snow/files/kept.txt")
    gone = run(jupyter_rtc_state="absent")
    assert gone.code == 0, gone.output
    assert not host.user("project-snow").exists
    kept = host.file("/srv/jupyterhub-projects/snow/files")
    assert (kept.user, kept.group, kept.mode & 0o777) == ("root", "root", 0o700)
    assert not host.file("/var/lib/collab.jupyterhub/projects.json").exists
    assert "snow-files" not in host.file("/etc/group").content_string
    with pytest.raises(Refused):
        alice.visit("project-snow")


@pytest.mark.long
def test_project_that_comes_again_has_its_files(run: Run, host: Host) -> None:
    back = run()
    assert back.code == 0, back.output
    file = host.file("/srv/jupyterhub-projects/snow/files/kept.txt")
    assert file.content_string == "kept\n"
    assert file.group.startswith("snow-files-")
    assert host.run("su project-snow -c 'echo more >> %s'", file.path).rc == 0
