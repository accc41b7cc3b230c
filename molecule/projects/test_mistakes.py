# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes about projects: each stops the play before anything changes, and one sentence says what to do."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testinfra.host import Host

from scenario import Play

Run = Callable[..., Play]
RAINFALL = {
    "name": "rainfall",
    "manage": {"users": ["alice"]},
    "shares": [{"name": "files"}, {"name": "data"}],
}
SNOW = {"name": "snow"}

# What is set -> what the play says.
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "list emptied": (
        {"jupyterhub_projects": []},
        "The project rainfall exists on the host but is missing from jupyterhub_projects. Add it again, or add it with state: absent to delete it",
    ),
    "one left out": (
        {"jupyterhub_projects": [RAINFALL]},
        "The project snow exists on the host but is missing from jupyterhub_projects",
    ),
    "deletion without confirmation": (
        {"jupyterhub_projects": [RAINFALL, {**SNOW, "state": "absent"}]},
        "The project snow would be permanently deleted, with all files and everyone's access",
    ),
    "share left out": (
        {"jupyterhub_projects": [RAINFALL, {**SNOW, "shares": [{"name": "data"}]}]},
        "The workspace files of the project snow would be permanently deleted",
    ),
    "another owner": (
        {"jupyterhub_projects": [{**RAINFALL, "account": "rainers"}, SNOW]},
        "The account of the project rainfall cannot change from project-rainfall to rainers, because it owns all files",
    ),
    "account of a person": (
        {"jupyterhub_projects": [RAINFALL, SNOW, {"name": "third", "account": "dave"}]},
        "The account dave of the project third already exists and belongs to a person or has another purpose",
    ),
    "account of the system": (
        {"jupyterhub_projects": [RAINFALL, SNOW, {"name": "third", "account": "daemon"}]},
        "The account daemon of the project third already exists and belongs to the system",
    ),
    "two of one name": (
        {"jupyterhub_projects": [RAINFALL, SNOW, SNOW]},
        "jupyterhub_projects has 2 projects 'snow'",
    ),
    "path for a name": (
        {"jupyterhub_projects": [RAINFALL, SNOW, {"name": "../../etc"}]},
        "the name '../../etc' is not valid",
    ),
    "level that is none yet": (
        {"jupyterhub_server_access": [{"owner": "alice", "users": ["bob"], "level": "view"}]},
        "level is 'view'. Set it to edit or to manage",
    ),
    "files elsewhere": (
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
@pytest.mark.parametrize(("variables", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake_is_named_and_nothing_changes(run: Run, variables: dict[str, Any], sentence: str) -> None:
    """Requirements 46, 63 and 88: the message names the mistake, and nothing changes."""
    refused = run(**variables)
    assert refused.code != 0, refused.output
    assert sentence in refused.message
    assert refused.message.endswith("Nothing was changed.")
    assert refused.changed == 0, refused.output
