# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement B4: every cell of docs/access.yml is asked of the live hub, and what people hold is asked for as well.

The tests run in their order. Modes follow each other on one hub, so users of one mode are still there in the next.
"""

import json
from collections.abc import Callable

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.access import Cell, Mode
from testinfra.host import Host

from access.actions import ACTIONS, Try
from access.scene import ACCESS, Scene
from jupyterhub_collab.proof.rights import whole
from people import LoginRefused, Refused
from scenario import refuse_password, wait_until

ACCOUNTS = {name: person.get("account", "") for name, person in ACCESS.people.items()}
# What ends or starts a server, and whether it has to run for that. Of those who may, the least go first and really do it; the
# others find it done, which the hub tells from having no right. From inside nobody finds anything done, so there the last does it.
RUNS_BEFORE = {"stop": True, "start": False, "shut down": True}
LAST_DOES_IT = "shut down"


each_mode = pytest.mark.parametrize("mode", ACCESS.modes, ids=lambda mode: mode.name)


@pytest.fixture(scope="session")
def subscopes(host: Host) -> dict[str, list[str]]:
    """Which scopes the hub takes each of its scopes to hold."""
    code = (
        "import json; from jupyterhub.scopes import scope_definitions as all_; "
        "print(json.dumps({name: scope.get('subscopes', []) for name, scope in all_.items()}))"
    )
    return dict(json.loads(host.check_output(f'/usr/local/jupyterhub/bin/python -c "{code}"')))


@each_mode
@pytest.mark.parametrize("who", [name for name in ACCOUNTS if name != "member"])
def test_rights(scene: Scene, who: str, subscopes: dict[str, list[str]]) -> None:
    """What the hub says that a session and a token can do is what the file says, one scope neither more nor less."""
    visitor = scene.visitors[who]
    by_session = visitor.person.api("GET", "/hub/api/user")
    if not visitor.token:
        assert by_session.status_code == 403
        return
    name = ACCOUNTS[who]
    scopes = [f"{scope}!user={name}" for scope in ACCESS.own] + scene.mode.rights.get(who, [])
    scopes += [
        f"{scope}={name}" if scope.endswith("!user") else scope for scope in scene.mode.rights["everyone"]
    ]
    if who == "administrator":
        scopes += [scope for scope in ACCESS.admin if scope in subscopes]
    for answer in (by_session, scene.hub.api("GET", "/hub/api/user", token=visitor.token)):
        assert set(answer.json()["scopes"]) == whole(scopes, subscopes)


@each_mode
def test_nobody_is_the_shared_account(scene: Scene, host: Host) -> None:
    """The dashes: no login under its name; in all users mode there is no such account at all."""
    if "shared" in scene.owners:
        refuse_password(scene.hub, host, "shared")
    else:
        assert not host.user("shared").exists
        with pytest.raises(LoginRefused):
            scene.hub.login("shared", "a-password")


def in_order(mode: Mode) -> list[Cell]:
    """Rows as they stand; in a row first those who may not, as they change nothing."""
    cells = [cell for cell in mode.cells if cell.may is not None]
    actions, people = list(ACCESS.actions), list(ACCOUNTS)

    def place(cell: Cell) -> tuple[int, str, bool, int]:
        order = people.index(cell.person)
        return (
            actions.index(cell.action),
            cell.server,
            bool(cell.may),
            order if cell.action == LAST_DOES_IT else -order,
        )

    return sorted(cells, key=place)


@pytest.mark.parametrize(
    ("mode", "cell"),
    [
        pytest.param(mode, cell, id="-".join((mode.name, cell.server, cell.action, cell.person)))
        for mode in ACCESS.modes
        for cell in in_order(mode)
    ],
)
def test_cell(scene: Scene, cell: Cell) -> None:
    """Who may do it does it in every way there is; who may not is refused in every way, and nothing has happened."""
    owner = "alice" if cell.server == "hub" else cell.server
    row = [each for each in in_order(scene.mode) if (each.server, each.action) == (cell.server, cell.action)]
    allowed = [each for each in row if each.may]
    does_it = cell == (allowed[-1] if cell.action == LAST_DOES_IT else allowed[0])
    named = "by-" + ACCOUNTS[cell.person if cell.may else allowed[0].person]
    attempt = Try(
        scene.visitors[cell.person], owner, scene.furniture.get(owner), named, does_it or not cell.may
    )
    before = RUNS_BEFORE.get(cell.action)
    from_inside = cell.action == LAST_DOES_IT
    if before is not None and (does_it or from_inside or not cell.may):
        scene.ensure(owner, running=before)
    if cell.action == "delete named":
        scene.settle(owner, named)
    for way in ACTIONS[cell.action]:
        if cell.may:
            way(attempt)
        else:
            refused(way, attempt)
    if before is not None:
        changed = cell.may and (does_it or not from_inside)
        wait_until(lambda: scene.runs(owner) is (before is not changed))


def refused(way: Callable[[Try], None], attempt: Try) -> None:
    """A refusal for want of a right, and for nothing else."""
    with pytest.raises(Refused) as caught:
        way(attempt)
    assert "xsrf" not in caught.value.sentence.lower(), caught.value
