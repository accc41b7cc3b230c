# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide which requests of a browser get an authorization code of the hub, for servers and the sharing page.

On a single domain, a script of one server can request a code for another server or the page in the background. It reads the code from the
address to which the hub redirects, and its owner signs in with the code as the visitor. So these codes are only for tabs.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.oauth.provider import JupyterHubRequestValidator
from jupyterhub.utils import compare_token, hash_token
from oauthlib.common import Request
from tornado.web import HTTPError

from ...names import ACCESS, PAGE_CLIENT, SERVER_CLIENTS
from ..releases import patches_hub

# `Sec-Fetch-Dest` of a tab, and of what shows a page inside another one. Browsers send the header over HTTPS and to localhost.
TAB = "document"
FRAMES = ("embed", "fencedframe", "frame", "iframe", "object")
FOR_A_SCRIPT = (
    "Servers are for people, not for scripts of other pages. Open or reload this one in its own tab."
)
NO_SECRET = hash_token("")
NO_ACCESS = "You do not have permission to access this server, or it does not exist."


@patches_hub(
    "jupyterhub.apihandlers.auth:OAuthAuthorizeHandler.get(self)",
    "jupyterhub.apihandlers.auth:OAuthAuthorizeHandler.post(self)",
    "jupyterhub.apihandlers.auth:OAuthAuthorizeHandler.extract_oauth_params(self)",
    "jupyterhub.oauth.provider:JupyterHubRequestValidator.save_authorization_code(self, client_id, code, request)",
    "jupyterhub.oauth.provider:JupyterHubRequestValidator.authenticate_client(self, request)",
    "jupyterhub.utils:compare_token(compare, token)",
)
def give_codes_to_tabs() -> None:
    """From now on, refuse codes to scripts and frames, and tell users without access to a server nothing about it."""
    if hasattr(OAuthAuthorizeHandler.get, "answers_alike"):
        return
    for method in ("get", "post"):
        setattr(OAuthAuthorizeHandler, method, _answering_alike(getattr(OAuthAuthorizeHandler, method)))
    # Every code passes here, however the request names its client.
    theirs = JupyterHubRequestValidator.save_authorization_code

    @wraps(theirs)
    def save(validator: Any, client_id: str, code: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        # Some databases, such as MySQL, also find a client by its name in capitals.
        client = request.client.identifier
        if (client == PAGE_CLIENT or client.startswith(SERVER_CLIENTS)) and not _is_for_a_tab(
            client, request.handler
        ):
            raise HTTPError(403, FOR_A_SCRIPT)
        return theirs(validator, client_id, code, request, *arguments, **options)

    JupyterHubRequestValidator.save_authorization_code = save
    JupyterHubRequestValidator.authenticate_client = _taking_as_long(
        JupyterHubRequestValidator.authenticate_client
    )


def _is_for_a_tab(client_id: str, handler: Any) -> bool:
    dest = handler.request.headers.get("Sec-Fetch-Dest", TAB)
    # Frames are refused unless the administrator replaced the hub's policy against frames, for example for a portal that shows servers.
    is_framed = "Content-Security-Policy" in handler.settings.get("headers", {})
    return dest == TAB or (client_id != PAGE_CLIENT and is_framed and dest in FRAMES)


def _answering_alike(answer: Any) -> Any:
    """Wrap a method of the hub's page for sign-ins. Without access, a server that exists gets the same answer as one that does not."""

    @wraps(answer)
    def answer_alike(handler: Any) -> Any:
        # Read as oauthlib does. It refuses a request that names two clients.
        client_id = Request(*handler.extract_oauth_params()).client_id or ""
        client = handler.db.query(orm.OAuthClient).filter_by(identifier=client_id).first()
        name = client.identifier if client else client_id.lower()
        if handler.current_user and name.startswith(SERVER_CLIENTS):
            may_access = handler.get_scope_filter(ACCESS)
            if client is None or client.spawner is None or not may_access(client.spawner, kind="server"):
                raise HTTPError(403, NO_ACCESS)
        return answer(handler)

    answer_alike.answers_alike = True  # type: ignore[attr-defined]
    return answer_alike


def _taking_as_long(authenticate_client: Any) -> Any:
    """Wrap the check of a client's secret. Otherwise strangers could measure which clients exist: only their secrets are hashed."""

    @wraps(authenticate_client)
    def take_as_long(validator: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        client = validator.db.query(orm.OAuthClient).filter_by(identifier=request.client_id).first()
        if request.client_secret and (client is None or not client.secret):
            compare_token(NO_SECRET, request.client_secret)
        return authenticate_client(validator, request, *arguments, **options)

    return take_as_long
