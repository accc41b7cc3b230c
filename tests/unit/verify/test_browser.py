# SPDX-License-Identifier: GPL-3.0-or-later
"""The cookies that verify's browser keeps, and the requests and forms that it sends, against a real web server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from jupyterhub_collab.verify.browser import Answer, Browser, Form, Unreachable

T = TypeVar("T")


REDIRECTS = {
    "on": "/prefix/user/seen",
    "user/ann/lab": "//ann.hub.test:{port}/prefix/user/ann/lab?there",
    "away": "http://elsewhere.invalid/",
    "round": "/prefix/round",
}


class Pages(RequestHandler):
    """Sets cookies for all pages and for a part, and redirects to another page, to another host, and in a circle."""

    def get(self, path: str) -> None:
        if path == "cookies":
            self.set_cookie("_xsrf", "of-all", path="/prefix/")
            self.set_cookie("gone", "soon", path="/prefix/")
        elif path == "user/cookies":
            self.set_cookie("_xsrf", "of-user", path="/prefix/user/")
        elif path == "forget":
            self.clear_cookie("gone", path="/prefix/")
        elif path == "domains":
            self.set_cookie("of-hub", "x", path="/prefix/")
            self.set_cookie("of-all", "x", path="/prefix/", domain="hub.test")
        if path in REDIRECTS and self.request.query != "there":
            self.redirect(REDIRECTS[path].format(port=self.request.host.partition(":")[2]))
            return
        sent = {name: self.request.headers.get(name.title(), "") for name in ("cookie", "authorization")}
        self.write({**sent, "path": self.request.path, "host": self.request.host_name})

    def post(self, path: str) -> None:
        token = self.request.headers.get("X-Xsrftoken", "")
        self.write({"token": token, "body": self.request.body.decode(), "path": path})


def front_of(visit: Callable[[Browser], Awaitable[T]], token: str = "") -> T:
    async def run() -> T:
        socket, port = bind_unused_port()
        server = HTTPServer(Application([("/prefix/(.*)", Pages)]))
        server.add_socket(socket)
        try:
            return await visit(Browser(f"http://127.0.0.1:{port}/prefix", token=token))
        finally:
            server.stop()
            await server.close_all_connections()

    return asyncio.run(run())


def test_cookies_go_where_they_belong() -> None:
    async def visit(browser: Browser) -> list[str]:
        await browser.go("/cookies")
        await browser.go("/user/cookies")
        return [
            (await browser.go(path)).json["cookie"]
            for path in ("/hub", "/user/ann", "/on", "/forget", "/hub")
        ]

    hub, user, redirected, _forget, after = front_of(visit)
    assert sorted(hub.split("; ")) == ["_xsrf=of-all", "gone=soon"]
    assert user.split("; ")[0] == "_xsrf=of-user"
    assert redirected == user
    assert after == "_xsrf=of-all"


def test_scripts_send_the_nearest_xsrf_cookie() -> None:
    async def visit(browser: Browser) -> str:
        await browser.go("/cookies")
        await browser.go("/user/cookies")
        return str((await browser.ask("POST", "/user/ann/api", {"a": 1})).json["token"])

    assert front_of(visit) == "of-user"


def test_programs_send_their_token_and_no_cookie() -> None:
    async def visit(browser: Browser) -> tuple[str, str]:
        await browser.go("/cookies")
        sent = (await browser.go("/hub")).json
        return sent["authorization"], sent["cookie"]

    assert front_of(visit, token="a-token") == ("token a-token", "")


def test_server_is_found_on_the_domain_of_its_user() -> None:
    """A server is found on its user's domain, which gets only the cookies for all of the hub's domains, and all later requests to it."""

    async def visit(browser: Browser) -> list[Any]:
        named = Browser(browser.url.replace("127.0.0.1", "hub.test"))
        pages = [await named.go(path) for path in ("/domains", "/user/ann/lab")]
        pages += [await named.ask("GET", path) for path in ("/user/ann/api", "/user/ben/api")]
        return [(page.json["host"], sorted(page.json["cookie"].split("; "))) for page in pages[1:]]

    AsyncHTTPClient.configure(None, hostname_mapping={"hub.test": "127.0.0.1", "ann.hub.test": "127.0.0.1"})
    try:
        of_ann = ("ann.hub.test", ["of-all=x"])
        assert front_of(visit) == [of_ann, of_ann, ("hub.test", ["of-all=x", "of-hub=x"])]
    finally:
        AsyncHTTPClient.configure(None)


@pytest.mark.parametrize("path", ["/away", "/round"])
def test_addresses_that_lead_away_or_nowhere(path: str) -> None:
    with pytest.raises(Unreachable):
        front_of(lambda browser: browser.go(path))


def test_form_keeps_what_is_filled_in_already() -> None:
    page = Answer(
        200,
        "http://hub.example/hub/login",
        '<form action="/search"><input name="q"></form>'
        '<form action="/hub/login?next=%2F" method="post"><input type="hidden" name="_xsrf" value="1|2">'
        '<input name="username"><input name="password" type="password"></form><form><input name="other"></form>',
    )
    form = Form(page, "password")
    assert (form.found, form.url) == (True, "http://hub.example/hub/login?next=%2F")
    assert form.fields == [("_xsrf", "1|2"), ("username", ""), ("password", "")]
    assert not Form(page, "nothing").found
