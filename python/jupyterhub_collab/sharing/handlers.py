# SPDX-License-Identifier: GPL-3.0-or-later
"""The sharing page and the actions of its buttons."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import TemplateError
from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from jupyterhub.utils import get_browser_protocol
from tornado.web import HTTPError, RequestHandler, authenticated

from ..names import NOT_SHARED, OVERVIEW, REQUESTS, SIGN, UNGUARDED
from .hub import Hub, HubAway, Refused, server_path
from .overview import FILTERS, Overview, filters_of, overview, page_of
from .settings import Settings
from .state import address, by_my_roles, known_names, my_servers, open_to_me
from .targets import path_in

log = logging.getLogger("jupyterhub_collab.sharing")

# Status of the hub's refusal -> sentence for the user.
SENTENCES = {
    400: "The hub could not process that. Check what you entered, and try again.",
    403: "You do not have permission to do that. If you should, ask the hub's administrator.",
    UNGUARDED: NOT_SHARED,
    429: "This server has the maximum number of links on this hub. Revoke some of them first.",
    404: "That server, link, user or group no longer exists. See the list below.",
}
NOT_OFFERED = "This hub does not offer that access level. Choose one of those that the page shows."
NOBODY = "This hub has no user or group with that name. Check the spelling."
NOT_ASKING = "That request was answered, or has ended. See the list below."
YOURSELF = "You already have access to your own server. Enter the name of the person or group to share with."
NOT_STARTED = "The server did not start. Try again in a minute. If it still does not start, tell the hub's administrator."
NOT_HERE = (
    "That address is not one of this server. Paste the address of an open file, or enter the file's path."
)
ENDED_BEFORE = "That share or link had already ended. See the list below."
CHANGED = "Nothing was revoked, because more is listed now than you confirmed. Look at the list below, and confirm again."
NOT_STOPPED = "The server is starting or stopping. Wait until it has finished, then check the list."
AWAY = "The hub does not answer at the moment. Try again in a minute, then check what is shared."
OLD = "This page has expired, or the request came from another site. Reload and try again."
FOR_A_SCRIPT = "This page is for people, not for scripts. Open it in its own tab."
# Longest query that is kept until a sign-in, in characters. JupyterLab's button sends the path of a file.
LONGEST_QUERY = 1000
# The fields of forms that keep what was typed, and the one that says which server they are about.
FIELDS = ("server", "kind", "name", "document", "level")
# The tabs of the page: the user's servers, those shared with the user, and for administrators, everything.
MINE, THEIRS, ALL = TABS = ("mine", "theirs", "all")
# `done` in the page's address -> notice. The page shows nothing else from its address.
DONE = {
    "link-ended": "The link was revoked. Users who accepted it before still have access.",
    "links-ended": "All links were revoked. Users who accepted one before still have access.",
    "given": "Access granted. They can now open your server.",
    "level-changed": "Access level changed. If they have your server open, they notice within seconds.",
    "guest-ended": "Access revoked. They can return only with a link that is still valid.",
    "guests-ended": "All access revoked. Others can return only with a link that is still valid.",
    "all-ended": "All links and all access revoked. You share your server with nobody.",
    "request-accepted": "Request accepted. They can now open your server.",
    "request-declined": "Request declined. They are not told, and can ask again seven days after they asked.",
    "left": "You have left that server.",
    "one-ended": "Revoked. Users who had access by it lose it within seconds, unless they have access in another way.",
    "shown-ended": "Revoked. Users who had access by these shares lose it within seconds, unless they have access in another way.",
    "stopped": "The server is stopping. Everyone on it is being disconnected.",
}


def is_for_a_person(headers: Any) -> bool:
    """Return whether a browser requests the page for a tab, and not for a script, a frame or an image.

    Browsers send `Sec-Fetch-Dest` only over HTTPS or to localhost. Without it, the answer is yes.
    """
    return bool(headers.get("Sec-Fetch-Dest", "document") == "document")


class Callback(HubOAuthCallbackHandler):
    """The OAuth callback, to which the hub redirects users after their login."""

    def prepare(self) -> Any:
        if not is_for_a_person(self.request.headers):
            raise HTTPError(403, FOR_A_SCRIPT, reason=FOR_A_SCRIPT)
        return super().prepare()


class Base(HubOAuthenticated, RequestHandler):
    """A page that uses the hub's templates."""

    async def prepare(self) -> None:
        if not is_for_a_person(self.request.headers):
            # Send nothing of the page, because scripts of any server on the same domain could read it.
            self.set_status(403)
            self.finish(FOR_A_SCRIPT)
            return
        # Forget what the hub said about earlier requests, so that a sign-in that has ended is noticed at once.
        self.hub_auth.cache.clear()
        # Fetch the user first. Otherwise, `current_user` would block the process until the hub has answered, and forever if a form comes
        # without the token of its browser's session.
        try:
            await self.hub_auth.get_user(self, sync=False)
        except HTTPError as error:
            if error.status_code < 500:
                raise
            # JupyterHub raises 500 or 502 here, whatever the hub's answer, and if there is none.
            raise HubAway(str(error)) from error
        if self.request.method not in ("GET", "HEAD", "OPTIONS"):
            self.check_xsrf_cookie()

    def get_login_url(self) -> str:
        # The address is kept in memory until the sign-in, so keep nothing of it that the page does not know.
        known = {"tab": self.tab, **self.filled, **self.filters} if self.tab else {}
        query = urlencode({name: value for name, value in known.items() if value})
        self.request.uri = self.sharing.prefix + (f"?{query}" if 0 < len(query) <= LONGEST_QUERY else "")
        return str(super().get_login_url())

    @property
    def tab(self) -> str:
        tab = self.get_query_argument("tab", "")
        return tab if tab in TABS else ""

    @property
    def filled(self) -> dict[str, str]:
        """What the page's address fills in: the name of one of the user's servers, a file there, and an access level."""
        return {name: self.get_query_argument(name, "") for name in ("server", "document", "level")}

    @property
    def filters(self) -> dict[str, str]:
        """What an administrator's list is limited to, in the page's address or in a form."""
        return filters_of({name: self.get_argument(name, "") for name in FILTERS})

    @property
    def sharing(self) -> Settings:
        settings: Settings = self.settings["sharing"]
        return settings

    @property
    def user(self) -> str:
        return str(self.current_user["name"])

    @property
    def may_share(self) -> bool:
        """Whether the user can share their own servers."""
        return any(scope.partition("!")[0] == "shares" for scope in self.current_user["scopes"])

    @property
    def origin(self) -> str:
        """The hub's address as browsers show it, without its path."""
        public = urlsplit(self.sharing.public_url)
        return (
            f"{public.scheme}://{public.netloc}"
            if public.netloc
            else f"{get_browser_protocol(self.request)}://{self.request.host}"
        )

    @property
    def hub(self) -> Hub:
        return Hub(self.sharing.api_url, self.hub_auth.get_token(self))

    def set_default_headers(self) -> None:
        self.set_header(
            "Content-Security-Policy",
            # Browsers apply form-action to redirects as well. Starting a server redirects to the hub.
            f"frame-ancestors 'none'; object-src 'none'; base-uri 'none'; form-action 'self' {self.sharing.hub_origin}".rstrip(),
        )
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def show(self, template: str, **more: Any) -> None:
        """Render a template, and finish the response. more: variables for the template."""
        hub = self.sharing.hub_prefix
        user = self.current_user
        page = {
            "base_url": hub,
            "prefix": f"{self.sharing.hub_origin}{self.sharing.base_url}",
            "logo_url": f"{hub}home",
            "login_url": f"{hub}login",
            "logout_url": f"{hub}logout",
            "static_url": lambda path, **_: f"{hub}static/{path}",
            "user": SimpleNamespace(name=user["name"], json_escaped_name=_in_script(user["name"]))
            if user
            else None,
            "no_spawner_check": True,
            "parsed_scopes": {},
            "services": [{"name": "sharing", "href": self.sharing.prefix}],
            "xsrf": self.xsrf_token.decode("ascii"),
            "xsrf_token": self.xsrf_token.decode("ascii"),
            "settings": self.sharing,
        }
        values = {**self.sharing.template_vars, **page, **more}
        try:
            self.finish(self.settings["templates"].get_template(template).render(**values))
        except TemplateError as error:
            # The administrator's templates may use variables that only the hub's own pages have.
            log.warning("showing the page without JupyterHub.template_paths, which fail here: %s", error)
            self.finish(self.settings["plain_templates"].get_template(template).render(**values))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        sentence = SENTENCES.get(status_code, "Something went wrong. Try again.")
        if isinstance(error, HTTPError) and status_code >= 500:
            sentence = AWAY
        elif isinstance(error, HTTPError) and status_code == 403 and "XSRF" in (error.log_message or ""):
            sentence = OLD
        self.show("sharing-error.html", sentence=sentence)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, (HubAway, Refused)):
            log.warning(
                "%s %s for %s: %r",
                self.request.method,
                self.request.path,
                self.current_user and self.user,
                value,
            )
        else:
            super().log_exception(typ, value, tb)


class Health(RequestHandler):
    """Answers health checks."""

    def get(self) -> None:
        sharing: Settings = self.settings["sharing"]
        self.finish({"page": SIGN, "port": sharing.port})


class Elsewhere(Base):
    """Answers 404 for all other paths."""

    @authenticated
    def get(self) -> None:
        raise HTTPError(404)


class SharingPage(Base):
    """Shows what the user shares and what others share with the user."""

    @authenticated
    async def get(self) -> None:
        notice = DONE.get(self.get_query_argument("done", ""), "")
        await self.show_page(notice=notice, tab=self.tab or MINE)

    async def show_page(self, status: int = 200, **more: Any) -> None:
        servers = (
            await my_servers(self.hub, self.user, self.sharing.base_url, requests=self.sharing.requests)
            if self.may_share
            else []
        )
        shared, is_administrator = await open_to_me(self.hub, self.user, self.sharing.base_url)
        everything = await self.everything() if is_administrator else None
        if more.get("tab") == ALL and everything is None:
            more["tab"] = MINE
        self.set_status(status)
        asks = bool(self.get_query_argument("confirm", ""))
        page = {
            "everything": everything,
            # Never about another list than the one that the address names.
            "is_to_confirm": asks and everything is not None and everything.filters == self.filters,
            "notice": "",
            "problem": "",
            "new_link": None,
            # What was typed stays if it is refused.
            "filled": {name: self.get_body_argument(name, "") for name in FIELDS}
            if status >= 400
            else self.filled,
            "tab": MINE,
            "origin": self.origin,
            "servers_at": self.sharing.hub_origin,
            "may_share": self.may_share,
            "known_names": known_names(self.user, servers, shared),
        }
        self.show("sharing.html", servers=servers, shared=shared, lives=self.lives(), **{**page, **more})

    async def everything(self) -> Overview | None:
        """Return an administrator's list; None if the user has just ceased to be one."""
        page = page_of(self.get_argument("page", ""))
        try:
            return await overview(self.hub, self.filters, page)
        except Refused as no:
            if no.status == 400:  # no form of the page has such a filter
                return await overview(self.hub, {}, 1)
            if no.status != 403:
                raise
            return None

    def lives(self) -> list[int]:
        """Return the lifetimes of a link that the page offers, in seconds."""
        usual = [
            900,
            3600,
            4 * 3600,
            24 * 3600,
            7 * 24 * 3600,
            self.sharing.link_seconds,
            self.sharing.longest_link,
        ]
        return sorted({life for life in usual if life <= self.sharing.longest_link})

    @authenticated
    async def post(self) -> None:
        action = ACTIONS.get(self.get_body_argument("action", ""))
        if action is None:
            raise HTTPError(400)
        try:
            done = await action(self)
        except Refused as no:
            # %r, so that what a user has typed cannot start a new line in the log.
            log.info(
                "%r was refused %s: %s %r",
                self.user,
                self.get_body_argument("action"),
                no.status,
                no.sentence,
            )
            problem = no.advice or SENTENCES.get(no.status, SENTENCES[400])
            await self.show_page(no.status, problem=problem, tab=tab_of(action))
        else:
            if done:
                shown = {"done": done, "tab": tab_of(action), **(self.filters if action in OF_ALL else {})}
                self.redirect(f"{self.sharing.prefix}?{urlencode(shown)}", status=303)

    @property
    def mine(self) -> str:
        """The API's path of the server that a form is about. It is always one of the user's own."""
        return server_path(self.user, self.get_body_argument("server", ""))

    # Actions. Each returns a key of DONE, or None if it has sent the response itself.

    async def make_link(self) -> None:
        seconds = self.get_body_argument("seconds", "")
        # Python refuses to convert thousands of digits.
        life = int(seconds[:18]) if seconds.isascii() and seconds.isdigit() else self.sharing.link_seconds
        document = self.document()
        # Without scopes in the request, the hub grants access and nothing else.
        wish = {
            "expires_in": max(60, min(life, self.sharing.longest_link)),
            "document": document,
            **self.level(),
        }
        made = await self.hub.ask("POST", f"share-codes/{self.mine}", wish)
        await self.show_page(
            new_link={
                "server": self.get_body_argument("server", ""),
                "address": self.address_of(made, document),
                "document": document,
            }
        )

    def level(self) -> dict[str, str]:
        """Return the access level that a form names, as the hub's API takes it. Without one, the hub decides."""
        level = self.get_body_argument("level", "")
        if level and level not in self.sharing.levels:
            raise Refused(400, f"{level!r} is not offered", NOT_OFFERED)
        return {"level": level} if level else {}

    def document(self) -> str:
        """Return the path of the file that a form names; empty for none. Raises Refused if it is not on the form's server."""
        server = address(self.sharing.base_url, self.user, self.get_body_argument("server", ""))
        try:
            return path_in(self.get_body_argument("document", ""), server)
        except ValueError as error:
            raise Refused(400, str(error), NOT_HERE) from error

    def address_of(self, made: dict[str, Any], document: str) -> str:
        """Return the address of a link: the hub's accept page, with the document to open afterwards if there is one."""
        query = {"code": made["code"]}
        if document:
            query["next"] = f"{self.sharing.base_url}user/{self.mine.rstrip('/')}/lab/tree/{quote(document)}"
        return f"{self.origin}{self.sharing.base_url}hub/accept-share?{urlencode(query)}"

    async def end_link(self) -> str:
        await self.hub.ask("DELETE", f"share-codes/{self.mine}", id=self.get_body_argument("id"))
        return "link-ended"

    async def end_links(self) -> str:
        await self.hub.ask("DELETE", f"share-codes/{self.mine}")
        return "links-ended"

    def guest(self) -> dict[str, str]:
        kind = self.get_body_argument("kind")
        if kind not in ("user", "group"):
            raise HTTPError(400)
        return {kind: self.get_body_argument("name").strip()}

    async def give(self) -> str:
        if not self.sharing.by_name:
            raise Refused(403, "sharing by name is off")
        guest = self.guest()
        try:
            await self.give_to(guest)
        except Refused as no:
            # Most hubs have names in lower case only, and their login form accepts others. The page does not know which hubs do.
            kind, name = next(iter(guest.items()))
            if kind != "user" or no.advice != NOBODY or name == name.lower():
                raise
            await self.give_to({kind: name.lower()})
        return "given"

    async def give_to(self, guest: dict[str, str]) -> None:
        if guest.get("user") == self.user:
            raise Refused(400, "the server is the user's own", YOURSELF)
        wish = {**guest, **self.level()}
        try:
            await self.hub.ask("POST", f"shares/{self.mine}", wish)
        except Refused as no:
            raise Refused(404, no.sentence, NOBODY) if no.status == 400 else no from no

    async def accept_request(self) -> str:
        # The server as the page showed it: meanwhile, its sender may have asked for another one.
        wish = {"user": self.get_body_argument("name"), "server": self.get_body_argument("server", "")}
        await self.answer_request("POST", {**wish, **self.level()})
        return "request-accepted"

    async def decline_request(self) -> str:
        await self.answer_request("DELETE", user=self.get_body_argument("name"))
        return "request-declined"

    async def answer_request(self, method: str, wish: Any = None, **query: str) -> None:
        try:
            await self.hub.ask(method, f"{REQUESTS}/{quote(self.user, safe='')}", wish, **query)
        except Refused as no:
            raise Refused(no.status, no.sentence, NOT_ASKING) if no.status == 404 else no from no

    async def set_level(self) -> str:
        if not (level := self.level()):
            raise HTTPError(400)
        await self.hub.ask("PATCH", f"shares/{self.mine}", {**self.guest(), **level})
        return "level-changed"

    async def end_guest(self) -> str:
        await self.hub.ask("PATCH", f"shares/{self.mine}", self.guest())
        return "guest-ended"

    async def end_guests(self) -> str:
        await self.hub.ask("DELETE", f"shares/{self.mine}")
        return "guests-ended"

    async def end_all(self) -> str:
        """End the links first, so that nobody can use one to return in between."""
        await self.end_links()
        await self.end_guests()
        return "all-ended"

    async def end_one(self) -> str:
        """End a share or link of anyone. The hub checks that the user is an administrator."""
        try:
            await self.hub.ask("POST", OVERVIEW, {"end": self.get_body_argument("key")})
        except Refused as no:
            raise Refused(no.status, no.sentence, ENDED_BEFORE) if no.status == 404 else no from no
        return "one-ended"

    async def end_shown(self) -> str:
        """End all shares and links that an administrator's list had when the user confirmed that."""
        most = self.get_body_argument("most")
        if not (most.isascii() and most.isdigit() and len(most) < 10):
            raise HTTPError(400)
        asked = {"end_all": self.filters, "most": int(most), "newest": self.get_body_argument("newest")}
        try:
            await self.hub.ask("POST", OVERVIEW, asked)
        except Refused as no:
            raise Refused(no.status, no.sentence, CHANGED) if no.status == 409 else no from no
        return "shown-ended"

    async def leave(self) -> str:
        whose = server_path(self.get_body_argument("owner"), self.get_body_argument("server", ""))
        await self.hub.ask("DELETE", f"users/{quote(self.user, safe='')}/shared/{whose}")
        return "left"

    async def managed(self) -> str:
        """Return the API's path of the other user's server that a form is about. Raises Refused if the user cannot manage it now."""
        asked = self.get_body_argument("owner"), self.get_body_argument("server", "")
        for each in await by_my_roles(self.hub, self.sharing.base_url):
            if (each.owner, each.server) == asked and each.level == "manage":
                return server_path(*asked)
        raise Refused(403, "the user cannot start and stop that server")

    async def start(self) -> None:
        """Start a server, and redirect to the page on which the hub shows its progress."""
        server = await self.managed()
        owner, name = server.split("/")
        try:
            await self.hub.ask("POST", f"users/{owner}/servers/{name}")
        except Refused as no:
            # 400: another user has started or stopped it in the meantime. The next page shows that.
            if no.status != 400:
                raise Refused(no.status, no.sentence, "" if no.status in SENTENCES else NOT_STARTED) from no
        self.redirect(f"{self.sharing.hub_prefix}spawn-pending/{server.rstrip('/')}", status=303)

    async def stop(self) -> str:
        owner, name = (await self.managed()).split("/")
        try:
            await self.hub.ask("DELETE", f"users/{owner}/servers/{name}")
        except Refused as no:
            raise Refused(no.status, no.sentence, NOT_STOPPED) if no.status == 400 else no from no
        return "stopped"


# `action` of a form -> method.
ACTIONS: dict[str, Callable[[SharingPage], Awaitable[str | None]]] = {
    "make-link": SharingPage.make_link,
    "end-link": SharingPage.end_link,
    "end-links": SharingPage.end_links,
    "give": SharingPage.give,
    "accept-request": SharingPage.accept_request,
    "decline-request": SharingPage.decline_request,
    "set-level": SharingPage.set_level,
    "end-guest": SharingPage.end_guest,
    "end-guests": SharingPage.end_guests,
    "end-all": SharingPage.end_all,
    "end-one": SharingPage.end_one,
    "end-shown": SharingPage.end_shown,
    "leave": SharingPage.leave,
    "start": SharingPage.start,
    "stop": SharingPage.stop,
}
# The actions on servers of others that the user can use, and those of administrators.
OF_THEIRS = (SharingPage.leave, SharingPage.start, SharingPage.stop)
OF_ALL = (SharingPage.end_one, SharingPage.end_shown)


def tab_of(action: Any) -> str:
    """Return the tab that has the button for an action."""
    return THEIRS if action in OF_THEIRS else ALL if action in OF_ALL else MINE


def _in_script(text: str) -> str:
    """Return text escaped for a double-quoted string in an inline script."""
    return "".join(letter if letter.isalnum() else f"\\u{ord(letter):04x}" for letter in text)
