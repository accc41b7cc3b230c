# SPDX-License-Identifier: GPL-3.0-or-later
"""What someone with a terminal on a user's default server can take from there, on any hub."""

from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

import plain_http
from people import Server


def page_for_code(owner: str) -> str:
    """Return the path at which the hub gives a browser an authorization code for a user's server."""
    wish = {
        "client_id": f"jupyterhub-user-{owner}",
        "redirect_uri": f"/user/{owner}/oauth_callback",
        "response_type": "code",
        "state": "x",
    }
    return f"/hub/api/oauth2/authorize?{urlencode(wish)}"


def code_in(answer: httpx.Response) -> str:
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def exchange(hub_url: str, owner: str, own_token: str, code: str) -> str:
    """Exchange an authorization code for a sign-in, with the server's client secret, which is the server's own token.

    The server does so when a browser comes with a code, and then has the sign-in in its memory.
    """
    form = {
        "client_id": f"jupyterhub-user-{owner}",
        "client_secret": own_token,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"/user/{owner}/oauth_callback",
    }
    made = plain_http.post(f"{hub_url}/hub/api/oauth2/token", data=form, timeout=60)
    return str(made.raise_for_status().json()["access_token"])


def own_token(server: Server) -> str:
    """Return a server's own token, as a guest reads it in a terminal there."""
    with server.open_terminal() as terminal:
        terminal.type("printenv JUPYTERHUB_API_TOKEN >token.txt && echo writ''ten")
        terminal.wait_for("written")
    return server.read_file("token.txt").strip()
