# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a logout end all sign-ins of its browser.

A browser's sign-ins at servers and services are tokens, which carry the ID of the browser's session. JupyterHub keeps this ID in a cookie that
browsers delete when they are closed, while sign-ins last for weeks. It also ends nothing if the login at the hub has expired. So the
hub gets a cookie of its own, which names session and user, and lasts as long as a sign-in. Its signature prevents that a server, which receives
the IDs of its visitors, ends the sessions of others.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.auth import OAuthHandler
from jupyterhub.handlers.base import SESSION_COOKIE_NAME, BaseHandler
from jupyterhub.handlers.login import LogoutHandler

from ..releases import patches_hub

ALWAYS = 100 * 365  # days; browsers delete the cookie earlier


@patches_hub(
    "jupyterhub.handlers.base:BaseHandler.get_session_cookie(self)",
    "jupyterhub.handlers.base:BaseHandler.set_session_cookie(self)",
    "jupyterhub.handlers.base:BaseHandler.set_hub_cookie(self, user)",
    "jupyterhub.handlers.base:BaseHandler.clear_login_cookie(self)",
    "jupyterhub.handlers.base:BaseHandler.get_current_user_cookie(self)",
    "jupyterhub.handlers.base:BaseHandler._set_cookie(self, key, value)",
    "jupyterhub.apihandlers.auth:OAuthHandler.add_credentials(self)",
    "jupyterhub.handlers.login:LogoutHandler.default_handle_logout(self)",
)
def end_sign_ins_at_logout() -> None:
    """From now on, remember which session each browser has, and end its sign-ins and authorization codes when its user logs out."""
    if hasattr(BaseHandler.clear_login_cookie, "ends_sign_ins"):
        return
    BaseHandler.get_session_cookie = _remembering(BaseHandler.get_session_cookie)
    BaseHandler.set_hub_cookie = _beginning(BaseHandler.set_hub_cookie)
    OAuthHandler.add_credentials = _renewing(OAuthHandler.add_credentials)
    BaseHandler.clear_login_cookie = _ending(BaseHandler.clear_login_cookie)
    LogoutHandler.default_handle_logout = _always(LogoutHandler.default_handle_logout)


def _name(handler: Any) -> str:
    return f"{handler.hub.cookie_name}-session"


def _set(handler: Any, user: Any, session: str) -> None:
    handler._set_cookie(_name(handler), f"{user.cookie_id} {session}", path=handler.hub.base_url)


def _shown(handler: Any) -> tuple[orm.User | None, str]:
    """Return the user and session that the browser's cookie names; None and nothing if it has none."""
    value = handler.get_secure_cookie(_name(handler), max_age_days=ALWAYS) or b""
    cookie_id, _space, session = value.decode().partition(" ")
    return (cookie_id and handler.db.query(orm.User).filter_by(cookie_id=cookie_id).first()) or None, session


def _end(handler: Any, user: Any, session: str = "") -> None:
    """Delete the tokens and codes of a session, or of all of the user's sessions. API tokens that users request have no session."""
    for kind in (orm.APIToken, orm.OAuthCode):
        of_session = kind.session_id == session if session else kind.session_id.is_not(None)
        for held in handler.db.query(kind).filter(kind.user_id == user.id, of_session):
            handler.db.delete(held)
    handler.db.commit()


def _remembering(get_session_cookie: Any) -> Any:
    """Wrap the method that returns the session's ID, and give it back to a browser that was restarted."""

    @wraps(get_session_cookie)
    def get_or_remember(handler: Any) -> Any:
        if not hasattr(handler, "_session_id") and (session := _shown(handler)[1]):
            handler._session_id = session
            if handler.get_cookie(SESSION_COOKIE_NAME) != session:
                handler.set_session_cookie()
        return get_session_cookie(handler)

    return get_or_remember


def _beginning(set_hub_cookie: Any) -> Any:
    """Wrap the method that every login calls. If the browser was last used by another user, end that user's sign-ins."""

    @wraps(set_hub_cookie)
    def begin(handler: Any, user: Any) -> None:
        set_hub_cookie(handler, user)
        former, session = _shown(handler)
        if former is not None and former.id != user.id:
            _end(handler, former, session)
        _set(handler, user, handler.get_session_cookie() or handler.set_session_cookie())

    return begin


def _renewing(add_credentials: Any) -> Any:
    """Wrap the method that the hub calls before a sign-in, so that the cookie lasts as long as that sign-in."""

    @wraps(add_credentials)
    def renew(handler: Any, *arguments: Any, **options: Any) -> Any:
        credentials = add_credentials(handler, *arguments, **options)
        user = _shown(handler)[0]
        # A browser without the cookie may have sign-ins of sessions that nobody remembers. Its next login begins a session.
        if user is not None and user.id == credentials["user"].id:
            _set(handler, user, credentials["session_id"])
        return credentials

    return renew


def _ending(clear_login_cookie: Any) -> Any:
    @wraps(clear_login_cookie)
    def end(handler: Any, *arguments: Any, **options: Any) -> None:
        user, (shown, session) = handler.get_current_user_cookie(), _shown(handler)
        clear_login_cookie(handler, *arguments, **options)
        if shown is not None:
            _end(handler, shown, session)
        if user is not None and (shown is None or shown.id != user.id):
            # Nothing says which of the user's sign-ins are in this browser: it logged in before the hub set this cookie, or has lost it.
            _end(handler, user)
        handler.clear_cookie(_name(handler), path=handler.hub.base_url)

    end.ends_sign_ins = True  # type: ignore[attr-defined]
    return end


def _always(default_handle_logout: Any) -> Any:
    """Wrap the logout, which by default does nothing if the login at the hub has expired."""

    @wraps(default_handle_logout)
    async def handle_always(handler: Any) -> None:
        await default_handle_logout(handler)
        if not handler.current_user:
            handler.clear_login_cookie()

    return handle_always
