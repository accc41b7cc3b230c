# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements B4 and B7: the live hub permits and refuses every cell of docs/access.yml, and users hold exactly the scopes that it lists.

The tests run in order. Modes follow each other on one hub, so users of one mode still exist in the next.
"""

import json
from collections.abc import Callable

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.access import Cell, Mode
from testinfra.host import Host

from access.actions import ACTIONS, Try
from access.engines import engine_of
from access.scene import ACCESS, Scene
from jupyterhub_collab.names import VIEW_SCOPES
from jupyterhub_collab.verify.rights import whole
from people import LoginRefused, Refused
from scenario import Platform, refuse_password, wait_until

ACCOUNTS = {name: person.get("account", "") for name, person in ACCESS.people.items()}
# Actions that stop or start a server, and whether it must be running before. Of the people who may do it, the least privileged goes
# first and really does it. The others find it done, which the hub distinguishes from a missing right. From inside a server, nobody
# finds it done, so the last person does it.
RUNS_BEFORE = {"stop": True, "start": False, "shut down": True}
LAST_DOES_IT = "shut down"


each_mode = pytest.mark.parametrize("mode", ACCESS.modes, ids=lambda mode: mode.name)


@pytest.fixture(scope="session")
def subscopes(host: Host, platform: Platform) -> dict[str, list[str]]:
    """Return the subscopes of each scope, as the hub defines them."""
    code = (
        "import json; from jupyterhub.scopes import scope_definitions as all_; "
        "print(json.dumps({name: scope.get('subscopes', []) for name, scope in all_.items()}))"
    )
    return dict(json.loads(host.check_output(f'{engine_of(platform).python} -c "{code}"')))


@each_mode
@pytest.mark.parametrize("who", [name for name in ACCOUNTS if name != "member"])
def test_rights(scene: Scene, who: str, subscopes: dict[str, list[str]]) -> None:
    """The scopes that the hub reports for a session and for a token are exactly those in the file, also those of viewers."""
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
    views = {*scene.mode.views.get("everyone", []), *scene.mode.views.get(who, [])} - {*scopes}
    if who == "administrator":
        views = set()  # who can edit everywhere
        scopes += [scope for scope in ACCESS.admin if scope in subscopes]
    for answer in (by_session, scene.hub.api("GET", "/hub/api/user", token=visitor.token)):
        assert set(answer.json()["scopes"]) == whole(scopes, subscopes)
        assert set(answer.json()[VIEW_SCOPES]) == views


@each_mode
def test_nobody_is_the_shared_account(scene: Scene, host: Host) -> None:
    """The dashes in the table: nobody can log in as the shared account, which does not exist in all users mode, nor where servers are containers."""
    if host.user("shared").exists:
        assert "shared" in scene.owners
        refuse_password(scene.hub, host, "shared")
    else:
        with pytest.raises(LoginRefused):
            scene.hub.login("shared", "a-password")


def in_order(mode: Mode) -> list[Cell]:
    """Return the cells by row. In each row, people who may not do it come first, because they change nothing."""
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
    """People with the right succeed in every way; all others are refused in every way, and nothing happens."""
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
    """Check that an attempt is refused because a right is missing, and for no other reason."""
    with pytest.raises(Refused) as caught:
        way(attempt)
    assert "xsrf" not in caught.value.sentence.lower(), caught.value
