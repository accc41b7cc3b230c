# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify says about viewers (requirements B10 and B6): real hubs, and alice's real server on them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import access

from attacked_hub import Attacked
from jupyterhub_collab.verify import rights
from jupyterhub_collab.verify.report import Report
from jupyterhub_collab.verify.verification import Verification
from leveled_hub import Leveled
from local_front import front_of
from local_hub import LocalHub

H = TypeVar("H", bound=LocalHub)
MATRIX = access.for_verify()
CHANGES = "type into a document, save a file, delete a file, start a kernel, open a terminal"
# A server's configuration with which it lets viewers edit.
NEGLECTS = """
import jupyterhub_collab.server.levels as levels

levels.TOLD["view"] = levels.Level.EDIT
"""


# Instead of JupyterLab, which local servers do not have.
LAB = """
from jupyter_server.base.handlers import JupyterHandler
from tornado import web


class Lab(JupyterHandler):
    @web.authenticated
    def get(self):
        self.finish("<title>JupyterLab</title>")


Lab.__module__, Lab.__qualname__ = "jupyterlab_server.handlers", "LabHandler"  # viewers may open it


def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*", [(app.base_url + "lab", Lab)])
"""


def with_lab(hub: H, more: str = "") -> H:
    """Let alice's server have a page at JupyterLab's address. more: lines of the server's configuration."""
    (hub.directory / "lab.py").write_text(LAB)
    place = hub.directory / "home/alice/.jupyter"
    place.mkdir(parents=True)
    (place / "jupyter_server_config.json").write_text('{"ServerApp": {"jpserver_extensions": {"lab": true}}}')
    (place / "jupyter_server_config.py").write_text(more)
    return hub


def verified(hub: LocalHub, second: str) -> dict[str, tuple[str, str]]:
    """Verify with alice and another user. Return the results and sentences by check."""
    rows: dict[str, tuple[str, str]] = {}

    def tell(what: dict[str, Any]) -> None:
        rows[what["row"]["check"]] = what["row"]["result"], what["row"]["says"]

    async def undo(_what: dict[str, Any]) -> None:
        """Keep everything. The hub ends with the test."""

    async def run() -> None:
        async with front_of(hub) as url:
            people = [{"name": name, "password": "x", "made": False} for name in ("alice", second)]
            task = {
                **{"url": url, "is_local": True, "start_seconds": 60, "people": people, "outsider": None},
                **{"no_outsider": "There is none.", "stamp": "verify-test", "login": "", **MATRIX},
            }
            await Verification(task, Report(tell), undo).run()

    asyncio.run(run())
    return rows


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leveled]:
    variables = {"jupyterhub_rtc_share_all_users": True, "jupyterhub_rtc_level": "view"}
    hub = with_lab(Leveled(tmp_path_factory.mktemp("all"), **variables))
    with hub.running():
        yield hub


def test_viewers_of_all_servers(hub: Leveled) -> None:
    rows = verified(hub, "vera")
    result, says = rows["a viewer sees edits and changes nothing on a user's own server"]
    assert (result, CHANGES in says) == ("ok", True), says
    assert rows["scopes of all users"][1].startswith("Mode: all users mode at level view. Users hold exactly")
    result, says = rows["refused on another user's server: a hub user"]
    assert result == "ok" and "edit, run code, open terminal" in says, says
    assert "view" not in says.split(", ")


def test_viewers_of_the_shared_server(tmp_path: Path) -> None:
    """Nobody of those who verify can edit there, and nothing starts the server when it is stopped."""
    variables = {"jupyterhub_rtc_user": "alice", "jupyterhub_rtc_level": "view"}
    hub = with_lab(Leveled(tmp_path, **variables))
    with hub.running():
        rows = on_shared_server(hub)
        assert rows["users view the alice server"][0] == "ok"
        result, says = rows["refused on the alice server: a hub user"]
        assert result == "ok" and "edit, run code, open terminal" in says, says
        hub.ask("DELETE", "users/alice/server")
        rows = on_shared_server(hub)
        result, says = rows["the alice server starts"]
        assert (result, says[:60]) == (
            "skipped",
            "It is not running, and users cannot start it. Start it, then",
        )


def on_shared_server(hub: LocalHub) -> dict[str, tuple[str, str]]:
    """Verify alice's server, as that of a shared account, with two other users."""
    rows: dict[str, tuple[str, str]] = {}

    def tell(what: dict[str, Any]) -> None:
        rows[what["row"]["check"]] = what["row"]["result"], what["row"]["says"]

    async def undo(_what: dict[str, Any]) -> None:
        raise AssertionError("nothing is created")

    async def run() -> None:
        async with front_of(hub) as url:
            people = [{"name": name, "password": "x", "made": False} for name in ("bob", "vera")]
            task = {
                "url": url,
                "is_local": True,
                "people": people,
                "stamp": "verify-test",
                "login": "",
                **MATRIX,
            }
            what = Verification({**task, "start_seconds": 60}, Report(tell), undo)
            assert await what.people_come()
            mode, accounts = what.what_people_hold()
            assert (mode.name, accounts) == ("shared user mode at level view", ["alice"])
            if await what.start("alice", may=what._may_start("alice")):
                await what.edit_on_shared_server(mode, "alice")

    asyncio.run(run())
    return rows


def test_guest_views_and_edits_when_the_level_is_raised(tmp_path: Path) -> None:
    with with_lab(Attacked(tmp_path / "hub")).running() as hub:
        rows = verified(hub, "walter")
    assert rows["a viewer sees edits and changes nothing on a server with a share"][0] == "ok"
    assert rows["refused on another user's server: a link viewer"][0] == "ok"
    assert rows["a viewer can edit when the level is raised"][0] == "ok"
    assert rows["two users edit together on a server with a share"][0] == "ok"
    assert rows["a guest whose share is revoked loses access"][0] == "ok"


def test_server_that_lets_viewers_edit_is_found(tmp_path: Path) -> None:
    with with_lab(Attacked(tmp_path / "hub"), NEGLECTS).running() as hub:
        rows = verified(hub, "walter")
    result, says = rows["a viewer sees edits and changes nothing on a server with a share"]
    assert (result, says.partition(". ")[0]) == ("failed", f"A viewer could {CHANGES}")
    result, says = rows["refused on another user's server: a link viewer"]
    assert result == "failed" and says.startswith("edit, run code, open terminal: not refused"), says


def test_matrix_has_viewers_of_every_kind() -> None:
    """Someone who may open a server and not edit there is a viewer: by the mode, a project, and a share."""
    modes = [rights.Mode(**mode) for mode in MATRIX["modes"]]
    viewers = {
        (mode.name, cell["server"], cell["person"])
        for mode in modes
        for cell in mode.cells
        if cell["action"] == "view" and cell["may"]
        if not mode.may(cell["server"], cell["person"], "edit")
    }
    shared, all_users = "shared user mode at level view", "all users mode at level view"
    assert viewers >= {
        ("shared user mode", "project-rain", "project viewer"),
        ("shared user mode", "alice", "link viewer"),
        (shared, "shared", "hub user"),
        (all_users, "alice", "hub user"),
    }
