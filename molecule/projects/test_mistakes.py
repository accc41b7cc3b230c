# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes about projects: each stops the play before anything has changed, and says what to do in one sentence."""

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
        "the project rainfall is on the host and not in jupyterhub_projects: put it back, or give it state: absent to have it deleted",
    ),
    "one left out": (
        {"jupyterhub_projects": [RAINFALL]},
        "the project snow is on the host and not in jupyterhub_projects",
    ),
    "deletion without confirmation": (
        {"jupyterhub_projects": [RAINFALL, {**SNOW, "state": "absent"}]},
        "the project snow would be deleted for good, with all files and everybody's access",
    ),
    "share left out": (
        {"jupyterhub_projects": [RAINFALL, {**SNOW, "shares": [{"name": "data"}]}]},
        "the share files of the project snow would be deleted for good",
    ),
    "another owner": (
        {"jupyterhub_projects": [{**RAINFALL, "account": "rainers"}, SNOW]},
        "the account of the project rainfall is project-rainfall, and rainers is asked for: an owner of a server cannot change",
    ),
    "account of a person": (
        {"jupyterhub_projects": [RAINFALL, SNOW, {"name": "third", "account": "dave"}]},
        "the account dave of the project third exists already and is somebody's or for another purpose",
    ),
    "account of the system": (
        {"jupyterhub_projects": [RAINFALL, SNOW, {"name": "third", "account": "daemon"}]},
        "the account daemon of the project third exists already and belongs to the system",
    ),
    "two of one name": (
        {"jupyterhub_projects": [RAINFALL, SNOW, SNOW]},
        "jupyterhub_projects has 2 projects 'snow'",
    ),
    "path for a name": (
        {"jupyterhub_projects": [RAINFALL, SNOW, {"name": "../../etc"}]},
        "the name '../../etc' is no name for a directory",
    ),
    "level that is none yet": (
        {"jupyterhub_server_access": [{"owner": "alice", "users": ["bob"], "level": "view"}]},
        "level is 'view': set it to edit or to manage",
    ),
    "files elsewhere": (
        {"jupyterhub_projects_root": "/srv/elsewhere/projects"},
        "the files of the project rainfall are in /srv/jupyterhub-projects",
    ),
}


@pytest.fixture
def unchanged(host: Host) -> Iterator[None]:
    """After the test the hub is the very process that it was, and accounts and projects are as they were."""
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
    """Requirements 46, 63 and 88."""
    refused = run(**variables)
    assert refused.code != 0, refused.output
    assert sentence in refused.message
    assert refused.message.endswith("Nothing was changed.")
    assert refused.changed == 0, refused.output
