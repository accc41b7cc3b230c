# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo the changes that our configuration makes to the hub's classes, which all tests of a process share."""

import pytest
from jupyterhub import orm
from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler, OAuthHandler
from jupyterhub.apihandlers.shares import ServerShareAPIHandler, ServerShareCodeAPIHandler, _ShareAPIHandler
from jupyterhub.apihandlers.users import SelfAPIHandler
from jupyterhub.app import JupyterHub
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LogoutHandler
from jupyterhub.oauth.provider import JupyterHubRequestValidator
from jupyterhub.spawner import Spawner
from jupyterhub.user import User, UserDict

from jupyterhub_collab.hub import share_levels
from jupyterhub_collab.patches.hub import known, logins

CHANGED = (
    (BaseHandler, "clear_login_cookie"),
    (BaseHandler, "get_session_cookie"),
    (BaseHandler, "refresh_auth"),
    (BaseHandler, "set_hub_cookie"),
    (JupyterHub, "cleanup_oauth_clients"),
    (JupyterHubRequestValidator, "authenticate_client"),
    (JupyterHubRequestValidator, "save_authorization_code"),
    (LogoutHandler, "default_handle_logout"),
    (OAuthAuthorizeHandler, "get"),
    (OAuthAuthorizeHandler, "post"),
    (OAuthHandler, "add_credentials"),
    (SelfAPIHandler, "get"),
    (ServerShareAPIHandler, "patch"),
    (ServerShareAPIHandler, "post"),
    (ServerShareCodeAPIHandler, "post"),
    (Spawner, "get_args"),
    (Spawner, "get_env"),
    (Spawner, "run_auth_state_hook"),
    (User, "_wait_up"),
    (User, "stop"),
    (UserDict, "delete"),
    (_ShareAPIHandler, "share_code_model"),
    (_ShareAPIHandler, "share_model"),
    (orm.Share, "grant"),
    (orm.ShareCode, "exchange"),
    (orm.ShareCode, "new"),
    (orm._Share, "scopes"),
)


@pytest.fixture(autouse=True)
def hub_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the hub's classes and our registries after each test."""
    for kind, name in CHANGED:
        monkeypatch.setattr(kind, name, kind.__dict__[name])
    monkeypatch.setattr(logins, "_reserved", set())
    monkeypatch.setattr(known, "kept", set())
    for name, value in vars(share_levels.Limits()).items():
        monkeypatch.setattr(share_levels.limits, name, value)
