# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that the tests of a file share, because it takes a second to start. Each test has a folder of its own."""

import json
from collections.abc import Iterator

import pytest

from local_server import LocalServer
from open_files import notebook


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    server = LocalServer(tmp_path_factory.mktemp("server"))
    yield server
    if server.runs:
        server.kill()


@pytest.fixture
def server(one_server: LocalServer, request: pytest.FixtureRequest) -> LocalServer:
    """Return a running server, with a text and a notebook in the test's own folder."""
    one_server.begin(request.node.name)
    one_server.write("notes.txt", "one\ntwo\n")
    one_server.write("work.ipynb", json.dumps(notebook("x = 0", "x = 1")))
    return one_server
