# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared accounts on a real hub whose logins expire, and have a state that servers get."""

from pathlib import Path

import httpx
import pytest

import plain_http
from local_hub import LocalHub
from scenario import ROOT

# Like an authenticator that passes tokens from a login on to servers: a user without such a token has to log in again.
EXPIRES = """
from jupyterhub.auth import Authenticator
from jupyterhub.spawner import SimpleLocalProcessSpawner


class Expires(Authenticator):
    async def refresh_user(self, user, handler=None):
        return user.name == "alice"


c.JupyterHub.authenticator_class = Expires
c.Authenticator.allow_all = True
c.Authenticator.refresh_pre_spawn = True
if Expires().has_trait("auth_refresh_strict"):
    c.Authenticator.auth_refresh_strict = True  # what JupyterHub before 6.1 always does
c.SimpleLocalProcessSpawner.port = 0


def pass_on(spawner, auth_state):
    spawner.environment["TICKET"] = auth_state["ticket"]


c.Spawner.auth_state_hook = pass_on

sys.path.insert(0, {package!r})
from jupyterhub_collab.hub import apply

apply(c, accounts=["team"])
"""
NOW = {"last_activity": "2026-11-26T10:00:00Z"}


def test_account_that_never_logs_in_has_no_login_that_expires(tmp_path: Path) -> None:
    """The hub starts the account's server and hears of its activity, also if a hook needs the state of a login.

    For other users without a valid login, it does neither.
    """
    hub = LocalHub(tmp_path, config=EXPIRES.format(package=str(ROOT / "python")))
    hub.start()
    try:
        hub.ask("POST", "users/ben")
        for name, status in (("team", 200), ("ben", 403)):
            header = {"Authorization": f"token {hub.token_of(name)}"}
            path = f"{hub.hub_url}/hub/api/users/{name}/activity"
            assert plain_http.post(path, headers=header, json=NOW).status_code == status
        hub.ask("POST", "users/team/server")
        hub.ask("DELETE", "users/team/server")
        assert "team starts without auth_state_hook" in hub.log
        # The login of ben has expired, and that of alice has no state.
        for name, status in (("ben", 403), ("alice", 500)):
            with pytest.raises(httpx.HTTPStatusError, match=str(status)):
                hub.ask("POST", f"users/{name}/server")
    finally:
        hub.kill()
