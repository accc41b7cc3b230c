# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the playbook verify, and the state of host and hub before and after."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from people import Hub, Person
from scenario import Platform, Play, list_files, play, wait_until

# Backup copies that useradd and userdel write.
COPIES = {f"/etc/{name}-" for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")}


@dataclass(frozen=True)
class Verified:
    """A run of the playbook, and its report."""

    play: Play
    report: dict[str, Any]

    def results(self, result: str) -> dict[str, str]:
        """Return what was said about each check with this result."""
        return {row["check"]: row["says"] for row in self.report["rows"] if row["result"] == result}


Verify = Callable[..., Verified]


@pytest.fixture
def verify(platform: Platform, tmp_path: Path) -> Verify:
    def run(**variables: Any) -> Verified:
        kept = tmp_path / "report.json"
        done = play("verify", platform.name, jupyterhub_verify_report=str(kept), **variables)
        assert kept.exists(), done.output
        return Verified(done, json.loads(kept.read_text()))

    return run


@pytest.fixture(scope="module")
def hub(hub_url: str) -> Iterator[Hub]:
    """The hub of a container that has just booted."""
    with Hub(hub_url) as hub:
        wait_until(lambda: hub.is_up, 60)
        yield hub


@pytest.fixture(scope="session")
def collaboration(platform: Platform) -> None:
    """Apply the playbook jupyter_rtc."""
    done = play("jupyter_rtc", platform.name)
    assert done.code == 0, done.output


def state_of(host: Host, platform: Platform, carol: Person) -> set[str]:
    """Return the host's files, and the hub's users with their roles and running servers."""
    list_files(platform, "/root/files")
    files = host.check_output("cat /root/files").splitlines()
    # The hub's own directories, which change on their own, contain one for each account with a collaboration server.
    kept = host.run("find /var/lib/jupyterhub-rtc -mindepth 1 -maxdepth 2").stdout.splitlines()
    users = carol.ask("GET", f"{carol.hub.url}/hub/api/users")
    return (
        {line for line in files if line.partition("\t")[0] not in COPIES}
        | set(kept)
        | {f"hub user {user['name']}: {sorted(user['roles'])}, server {user['server']}" for user in users}
    )


def changes(before: set[str], after: set[str]) -> list[str]:
    """Return the lines that differ, with - for those before and + for those after."""
    return [f"- {line}" for line in sorted(before - after)] + [f"+ {line}" for line in sorted(after - before)]
