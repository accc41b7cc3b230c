# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules create, refuse and delete on a host, even if they are interrupted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from testinfra.host import Host

from modules import Done, call
from scenario import Platform
from workspaces import COMMENT, RAINFALL, ROOT, SECRET, make

pytestmark = pytest.mark.long

ARCHIVES = "/var/backups/jupyterhub-projects"
SNOW: dict[str, Any] = {
    "name": "snow",
    "account": "project-snow",
    "workspaces": [{"name": "files"}, {"name": "data"}],
}
OURS = (
    "getent passwd | grep project-; getent group | grep -E 'project-|-r[wo]:'; find /srv /home -xdev | sort"
)


@pytest.fixture
def as_before(host: Host) -> Iterator[None]:
    """Check that the test has removed everything that it created."""
    before = host.check_output(OURS)
    yield
    assert host.check_output(OURS) == before
    assert "snow" not in host.check_output("cat /var/lib/collab.jupyterhub/projects.json")


def delete(platform: Platform, workspace: str = "", archive: bool = False, **options: Any) -> Done:
    return make(platform, absent=[{"project": "snow", "workspace": workspace, "archive": archive}], **options)


@contextmanager
def in_the_way(host: Host, program: str, script: str) -> Iterator[None]:
    """Replace a program of the host with a script for a while."""
    path = f"/usr/local/sbin/{program}"
    host.check_output("printf '%%s\n' '#!/bin/sh' %s > %s && chmod 755 %s", script, path, path)
    try:
        yield
    finally:
        host.check_output("rm %s", path)


@contextmanager
def mounted(host: Host, kind: str, *options: str) -> Iterator[str]:
    path = "/srv/other"
    host.check_output(f"mkdir {path} && mount -t {kind} {' '.join(options)} {kind} {path}")
    try:
        yield path
    finally:
        host.check_output(f"umount {path} && rmdir {path}")


def changes(done: Done) -> dict[str, list[str]]:
    assert done.code == 0, done.told
    return dict(done.told["changes"])


def test_made_once_and_deleted(platform: Platform, host: Host, as_before: None) -> None:
    assert changes(make(platform, SNOW)) == {
        "snow": ["account project-snow created", "workspace files created", "workspace data created"]
    }
    assert host.check_output(f"stat -c '%a %U' {ROOT} {ROOT}/snow {ROOT}/snow/files").split() == [
        *("711", "root"),
        *("711", "root"),
        *("2770", "root"),
    ]
    assert host.check_output("stat -c '%a %U' /home/project-snow") == "700 project-snow"
    assert host.check_output("getent shadow project-snow").split(":")[1].startswith("!")
    assert not make(platform, SNOW).changed
    # A workspace that is no longer listed stays. It is deleted when it is named.
    assert not make(platform, {**SNOW, "workspaces": [{"name": "files"}]}).changed
    assert changes(delete(platform, "data")) == {"snow": ["workspace data deleted"]}
    assert host.file(f"{ROOT}/snow/files").is_directory
    gone = changes(delete(platform))
    assert gone == {
        "snow": ["workspace files deleted", "account project-snow and its home directory deleted"]
    }
    assert not delete(platform).changed


def test_directory_and_mode_that_are_gone_come_back(platform: Platform, host: Host, as_before: None) -> None:
    changes(make(platform, SNOW))
    host.check_output(
        f"rmdir {ROOT}/snow/files && chmod 755 {ROOT}/snow/data && chown bob:bob {ROOT}/snow/data"
    )
    assert changes(make(platform, SNOW)) == {
        "snow": [
            "workspace files created again, because its directory was missing",
            "permissions of workspace data restored",
        ]
    }
    assert not make(platform, SNOW).changed
    changes(delete(platform))


def test_archive_holds_all_and_is_roots(platform: Platform, host: Host, as_before: None) -> None:
    """Requirement 89: the archive contains everything, and only root can read it."""
    changes(make(platform, SNOW))
    host.check_output(f"echo text > {ROOT}/snow/files/file && ln -s /etc/shadow {ROOT}/snow/files/link")
    host.check_output("echo mine > /home/project-snow/notebook")
    # Only root can read the account's home directory and files. The account's processes end.
    host.check_output("systemd-run --uid=project-snow sleep 1000")
    told = changes(delete(platform, archive=True))["snow"]
    path = told[0].removeprefix("project archived in ")
    assert host.check_output(f"stat -c '%a %U' {ARCHIVES} {path}").split() == ["700", "root", "600", "root"]
    names = host.check_output(f"tar -tf {path}").split()
    assert {"./files/file", "./files/link", "./data/", "./project-snow/notebook"} <= {*names}
    assert host.check_output(f"tar -xOf {path} ./files/file") == "text"
    assert host.run("pgrep -x sleep").rc != 0
    assert host.file("/etc/shadow").exists
    host.check_output(f"rm -r {ARCHIVES}")


def test_disk_that_is_full_keeps_the_data(platform: Platform, host: Host, as_before: None) -> None:
    changes(make(platform, SNOW))
    host.check_output(f"head -c 3000000 /dev/urandom > {ROOT}/snow/files/big")
    before = host.check_output(f"stat -c '%a %U %G' {ROOT}/snow/files; sha256sum {ROOT}/snow/files/big")
    with mounted(host, "tmpfs", "-o size=1m,mode=755") as small:
        failed = delete_into(platform, f"{small}/archives")
        assert failed.code != 0
        assert "is incomplete" in failed.message or "No space" in failed.message
        assert host.run(f"ls -A {small}/archives").stdout == ""
    assert (
        host.check_output(f"stat -c '%a %U %G' {ROOT}/snow/files; sha256sum {ROOT}/snow/files/big") == before
    )
    assert not make(platform, SNOW).changed
    changes(delete(platform))


def delete_into(platform: Platform, directory: str) -> Done:
    return make(platform, absent=[{"project": "snow", "archive": True}], archive=directory)


@pytest.mark.parametrize("moment", ["kill -KILL $PPID", '/usr/bin/systemd-sysusers "$@"; kill -KILL $PPID'])
def test_killed_while_it_makes(moment: str, platform: Platform, host: Host, as_before: None) -> None:
    with in_the_way(host, "systemd-sysusers", moment):
        assert make(platform, SNOW).code != 0
    changes(make(platform, SNOW))
    assert host.file("/home/project-snow").is_directory
    assert not make(platform, SNOW).changed
    changes(delete(platform))


@pytest.mark.parametrize("program", ["groupdel", "userdel"])
def test_killed_while_it_deletes(program: str, platform: Platform, host: Host, as_before: None) -> None:
    """A deletion that was killed after the archive was made is completed by the next one, without a second archive."""
    changes(make(platform, SNOW))
    host.check_output(f"echo text > {ROOT}/snow/files/file")
    with in_the_way(host, program, "kill -KILL $PPID"):
        assert delete(platform, archive=True).code != 0
    refused = make(platform, SNOW)
    assert refused.code != 0 and "was interrupted while it deleted" in refused.message
    changes(delete(platform, archive=True))
    assert len(host.check_output(f"ls {ARCHIVES}").split()) == 1
    host.check_output(f"rm -r {ARCHIVES}")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("useradd project-snow", "userdel -r project-snow", "already exists and is not a project's account"),
        ("groupadd project-snow", "groupdel project-snow", "of the account of project snow already exists"),
        (f"mkdir -p {ROOT}/snow/data", f"rm -r {ROOT}/snow", "already exists and is not a workspace"),
        (f"chmod 777 {ROOT}", f"chmod 711 {ROOT}", "accounts other than root can write to"),
        (f"mv {ROOT} /srv/x && ln -s /srv/x {ROOT}", f"rm {ROOT} && mv /srv/x {ROOT}", "is a link"),
    ],
)
def test_what_is_not_ours_is_refused(
    before: str, after: str, reason: str, platform: Platform, host: Host, as_before: None
) -> None:
    host.check_output(before)
    try:
        refused = make(platform, SNOW)
        assert refused.code != 0
        assert reason in refused.message and "Nothing was changed" in refused.message
    finally:
        host.check_output(after)


@pytest.mark.parametrize("wrong", ["../etc", "Snow", "a b", "", "-x"])
def test_name_that_leads_elsewhere_is_refused(wrong: str, platform: Platform, as_before: None) -> None:
    for project in ({**SNOW, "name": wrong}, {**SNOW, "workspaces": [{"name": wrong}]}):
        refused = make(platform, project)
        assert "must start with a letter or digit" in refused.message


@pytest.mark.parametrize(
    ("kind", "options", "prepare", "reason"),
    [
        ("ramfs", "-o mode=755", "true", "without POSIX access control lists"),
        ("tmpfs", "-o mode=755,ro", "true", "is mounted read-only"),
        ("tmpfs", "-o mode=755,size=1m", "head -c 2m /dev/zero > /srv/other/all; true", "is full"),
    ],
)
def test_file_system_that_does_not_do_is_refused(
    kind: str, options: str, prepare: str, reason: str, platform: Platform, host: Host, as_before: None
) -> None:
    with mounted(host, kind, options) as path:
        host.run(prepare)
        seen = call("project_info", platform.name, root=f"{path}/projects", comment=COMMENT)
        assert reason in seen.told["root"]["problem"]
        refused = make(platform, SNOW, root=f"{path}/projects")
        assert refused.code != 0
        assert reason in refused.message and "Nothing was changed" in refused.message
        assert not host.file(f"{path}/projects").exists


def test_check_mode_tells_and_changes_nothing(platform: Platform, as_before: None) -> None:
    told = make(platform, SNOW, check=True)
    assert changes(told) == {
        "snow": ["account project-snow created", "workspace files created", "workspace data created"]
    }
    both = make(platform, RAINFALL, SECRET, check=True)
    assert not both.changed and changes(both) == {}
