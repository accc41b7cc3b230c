# SPDX-License-Identifier: GPL-3.0-or-later
"""A database that never answers keeps no play waiting that needs a token of the hub."""

import subprocess
import threading
from collections.abc import Callable

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import api as hub_api


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return a function that uses the API with a program for tokens, and returns the token, or why there is none."""
    monkeypatch.setattr(hub_api, "TOKEN_SECONDS", 1, raising=False)

    def run(program: str) -> str:
        found = []

        def work() -> None:
            hub = {"api_url": "http://127.0.0.1:8081/hub/api", "database": {}}
            pipe = subprocess.PIPE

            def start() -> subprocess.Popen[str]:
                return subprocess.Popen(
                    ["sh", "-c", program], stdin=pipe, stdout=pipe, stderr=pipe, text=True
                )

            try:
                with hub_api.hub_api(Unit("hub"), start, hub) as api:
                    found.append(api.token)
            except hub_api.NoAnswer as error:
                found[:] = [str(error)]
            found.append("done")

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(15)
        assert found[1:] == ["done"]
        return found[0]

    return run


def test_token_that_is_not_created_in_time(use: Callable[[str], str]) -> None:
    said = "failed to create a token in its database: it did not answer within 1 s"
    assert use("exec sleep 600") == said


def test_token_that_is_not_revoked_in_time(use: Callable[[str], str]) -> None:
    assert use("echo token; exec sleep 600") == "token"


def test_token_that_cannot_be_created(use: Callable[[str], str]) -> None:
    assert use("echo no such table >&2; exit 1") == "failed to create a token in its database: no such table"
