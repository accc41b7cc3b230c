# SPDX-License-Identifier: GPL-3.0-or-later
"""For each handler that JupyterLab and the installed extensions register, what a viewer may do there was decided."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_collab.server import view_table
from jupyterhub_collab.server.view_table import (
    FILES,
    PAGES,
    PUBLIC,
    REFUSED,
    REFUSED_PACKAGES,
    SESSION,
    SETTINGS,
    SOCKETS,
)
from local_hub import LocalHub

RECORDED = [
    line for line in (Path(__file__).parent / "handlers.txt").read_text().splitlines() if line[0] != "#"
]
ALLOWED = [PUBLIC, PAGES, FILES, {SETTINGS}, {SESSION}, SOCKETS]
# Of the tests' own server extension, which stands for one that nobody has examined.
UNKNOWN = "wide:"
LISTING = """
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import authenticated

from handlers import handlers_of


class Handlers(JupyterHandler):
    @authenticated
    def get(self):
        routers = self.application.default_router, self.application.wildcard_router
        self.finish({"handlers": [each for router in routers for each in handlers_of(router)]})


def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*", [(app.base_url + "wide", Handlers)])
"""


def is_decided(handler: str) -> bool:
    in_package = handler.partition(":")[0].partition(".")[0] in REFUSED_PACKAGES
    return handler in REFUSED or in_package or any(handler in kind for kind in ALLOWED)


@pytest.fixture(scope="module", params=["1", "0"], ids=["extension", "class"])
def handlers(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Yield the handlers of a real server: of JupyterHub's newer kind, and of its older one."""
    directory = tmp_path_factory.mktemp("hub")
    (directory / "wide.py").write_text(LISTING)
    (directory / "handlers.py").write_text((Path(__file__).parents[2] / "tools/handlers.py").read_text())
    config = 'c.Spawner.args = [*c.Spawner.args, "--ServerApp.jpserver_extensions=wide=True"]'
    variables = {"JUPYTERHUB_SINGLEUSER_EXTENSION": request.param}
    with LocalHub(directory, variables=variables, config=config).running() as hub:
        yield hub.at_server("alice", "GET", "wide").json()["handlers"]


def test_each_handler_of_a_server_was_decided(handlers: list[str]) -> None:
    new = " ".join(each for each in handlers if not is_decided(each) and not each.startswith(UNKNOWN))
    assert new == "", "decide what a viewer may do there, in view_table.py"
    assert {view_table.ROOM, view_table.EVENTS, SESSION} <= {*handlers}


@pytest.mark.parametrize("handler", RECORDED)
def test_each_handler_of_jupyterlab_was_decided(handler: str) -> None:
    """These are the handlers of JupyterLab 4.4, 4.5 and 4.6 with jupyter-collaboration, jupyter-lsp and jupyterlab-git."""
    assert is_decided(handler)


def test_nothing_was_decided_twice() -> None:
    kinds = [*ALLOWED, REFUSED]
    assert sum(map(len, kinds)) == len(set().union(*kinds))


def test_viewers_reach_no_program_of_the_account() -> None:
    """Neither kernels nor terminals nor language servers nor Git."""
    allowed = set().union(*ALLOWED)
    for handler in (
        "jupyter_server.services.kernels.websocket:KernelWebsocketHandler",
        "jupyter_server_terminals.handlers:TermSocket",
        "jupyter_lsp.handlers:LanguageServerWebSocketHandler",
        "jupyterlab_git.handlers:GitSettingsHandler",
    ):
        assert handler in RECORDED and handler not in allowed
