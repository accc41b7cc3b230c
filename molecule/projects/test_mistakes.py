# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes about projects: each stops the play before anything changes, and one sentence says what to do."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testinfra.host import Host

from scenario import Play
from tiers import some_long

Run = Callable[..., Play]
RAINFALL = {
    "name": "rainfall",
    "manage": {"users": ["alice"]},
    "workspaces": [{"name": "files"}, {"name": "data"}],
}
SNOW = {"name": "snow"}

# What is set -> what the play says.
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "empty list": (
        {"jupyterhub_projects": []},
        "The project rainfall exists on the host but is missing from jupyterhub_projects. Add it again, or add it with state: absent to delete it",
    ),
    "missing project": (
        {"jupyterhub_projects": [RAINFALL]},
        "The project snow exists on the host but is missing from jupyterhub_projects",
    ),
    "deletion without confirmation": (
        {"jupyterhub_projects": [RAINFALL, {**SNOW, "state": "absent"}]},
        "The project snow would be permanently deleted, with all files and everyone's access",
    ),
    "missing workspace": (
        {"jupyterhub_projects": [RAINFALL, {**SNOW, "workspaces": [{"name": "data"}]}]},
        "The workspace files of the project snow would be permanently deleted",
    ),
    "another owner": (
        {"jupyterhub_projects": [{**RAINFALL, "account": "rainers"}, SNOW]},
        "The account of the project rainfall cannot change from project-rainfall to rainers, because it owns all files",
    ),
    "personal account": (
        {"jupyterhub_projects": [RAINFALL, SNOW, {"name": "third", "account": "dave"}]},
        "The account dave of the project third already exists and belongs to a person or has another purpose",
    ),
    "system account": (
        {"jupyterhub_projects": [RAINFALL, SNOW, {"name": "third", "account": "daemon"}]},
        "The account daemon of the project third already exists and belongs to the system",
    ),
    "duplicate name": (
        {"jupyterhub_projects": [RAINFALL, SNOW, SNOW]},
        "jupyterhub_projects has 2 projects 'snow'",
    ),
    "path as a name": (
        {"jupyterhub_projects": [RAINFALL, SNOW, {"name": "../../etc"}]},
        "the name '../../etc' is not valid",
    ),
    "no live collaboration": (
        {"jupyterhub_rtc_servers": "none"},
        "jupyterhub_projects and jupyterhub_server_access give access to servers, which then need live collaboration, but jupyterhub_rtc_servers is "
        "none",
    ),
    "other directory for files": (
        {"jupyterhub_projects_root": "/srv/elsewhere/projects"},
        "The files of the project rainfall are in /srv/jupyterhub-projects",
    ),
}


@pytest.fixture
def unchanged(host: Host) -> Iterator[None]:
    """Check that the test leaves the hub's process, the accounts and the projects unchanged."""
    look = (
        "systemctl show jupyterhub --property=InvocationID; cat /etc/passwd /etc/group /var/lib/collab.jupyterhub/projects.json;"
        "getfacl --recursive /srv/jupyterhub-projects 2>/dev/null || ls -lR /srv/jupyterhub-projects"
    )
    before = host.check_output(look)
    yield
    assert host.check_output(look) == before


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("variables", "sentence"),
    some_long(MISTAKES, short=["missing workspace", "missing project", "personal account"]),
)
def test_mistake_is_named_and_nothing_changes(run: Run, variables: dict[str, Any], sentence: str) -> None:
    """Requirements 46, 63 and 88: the message names the mistake, and nothing changes."""
    refused = run(**variables)
    assert refused.code != 0, refused.output
    assert sentence in refused.message
    assert refused.message.endswith("Nothing was changed.")
    assert refused.changed == 0, refused.output
