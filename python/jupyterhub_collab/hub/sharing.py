# SPDX-License-Identifier: GPL-3.0-or-later
"""The call of the fragment with which users share their own servers, and the one for servers that roles of the hub open to people."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..names import SERVICE, SETTINGS
from .authorize import skip_authorize_page, skips_authorize_page, trust
from .collaboration import may_share
from .front import API, api_over_network, socket_of
from .grants import GROUPS, RIGHT
from .guesses import keep_links_secret, limit_guesses, limit_links
from .offered import offered, show_offered
from .own_token import TRAIT as TOKEN_SCOPES
from .own_token import limit_own_tokens
from .page_check import Page
from .page_link import lead_to_page
from .page_start import start_without_page
from .policy import applied, services_of
from .roles import add_groups, grant_everyone, reify, value_of
from .servers import DEFAULT_SECONDS, limit_cached_rights, revocation_seconds
from .share_log import log_shares
from .shared_port import share_port
from .shares import end_shares_with_server, limit_shares
from .whole import whole

PACKAGE = Path(__file__).parents[2]
TEMPLATES = Path(__file__).parent / "templates"
# Replaces the working directory, from which nothing may be imported.
START = "import sys; sys.path[0] = sys.argv.pop(1); from jupyterhub_collab.sharing import main; main()"
LOG_OF_ROOT = "/var/log/jupyterhub-sharing.jsonl"
# Nobody but root can take the place of a page there while it is down, and get what people's browsers send to it.
PORT_OF_ROOT = 905
PORT = 8905
# What one has to be allowed to name someone in a share. It tells whether a name is there, and nothing more.
NAMES = ["read:users:name", "read:groups:name"]
# The scopes of each user's token for the service, and all that it can do: see the user's own servers and share them, and see
# and leave what others share. If a user lacks one of the scopes, the token lacks it, too.
SCOPES = ["read:servers!user", "read:users:name!user", RIGHT, "users:shares!user"]


def share_servers(
    c: Any,
    *,
    groups: Sequence[str],
    by_name: bool,
    link_seconds: int,
    longest_link: int,
    links_per_server: int,
    guesses_per_minute: int,
    ends_with_server: bool,
    authorize_page: bool,
    revocation: int,
    log: str,
    port: int,
    account: str,
    public_url: str = "",
) -> None:
    """Let users share their own servers, within limits, and register the page for it as a service.

    groups: of the hub, whose members may; everyone where there are none. by_name: whether they may name users and groups.
    link_seconds, longest_link: default and maximum lifetime of a link in seconds.
    links_per_server: how many links a server may have at a time. guesses_per_minute: how many links that do not exist someone may open.
    ends_with_server: whether shares and links end when the server stops. authorize_page: whether the hub asks who comes to
    someone's server whether it may know who they are. revocation: seconds after which a server has noticed an end, where
    nothing else is set. log: the file that records who granted access to whom. By default (empty) it is a file of root, or the hub's
    own log if the hub does not run as root. port: on 127.0.0.1, where the hub's proxy finds the page. By default (0) one that only
    root can take, where the hub can. account: of the host, which the page's process becomes where the hub is root. public_url: the
    address that people open the hub at, where the hub does not know it (empty).
    """
    root = os.geteuid() == 0
    log = log or (LOG_OF_ROOT if root else "")
    port = port or (PORT_OF_ROOT if root else PORT)
    c = whole(c)
    share_port()
    rights = [RIGHT, *(NAMES if by_name else [])]
    # Everyone comes to the page: it lists what others share with them.
    everyone = [f"access:services!service={SERVICE}", *([] if groups else rights)]
    grant_everyone(c, everyone)
    if groups:
        add_groups(c, GROUPS, "Can share their own server", rights, groups)
    limit_shares(longest_link)
    limit_links(links_per_server)
    limit_guesses(guesses_per_minute)
    keep_links_secret()
    log_shares(log)
    limit_own_tokens(c, may_share)
    hooks = ["pre_spawn_hook", TOKEN_SCOPES]
    if revocation_seconds(c) == DEFAULT_SECONDS:
        limit_cached_rights(c, revocation)
    if ends_with_server:
        end_shares_with_server(c)
        hooks.append("post_stop_hook")
    trust(c, f"service-{SERVICE}")
    if not authorize_page:
        skip_authorize_page(c)
    services = reify(c.JupyterHub, "services", [])
    if any(service.get("name") == SERVICE for service in services):
        raise ValueError(
            f"JupyterHub.services already has a service {SERVICE}, which is the name of the sharing page. Rename it"
        )
    address = f"http://127.0.0.1:{port}"
    template_vars = value_of(c.JupyterHub, "template_vars", {})
    settings = {
        "by_name": by_name,
        "link_seconds": min(link_seconds, longest_link),
        "longest_link": longest_link,
        "ends_with_server": ends_with_server,
        "revocation_seconds": revocation_seconds(c),
        "template_paths": list(value_of(c.JupyterHub, "template_paths", [])),
        "template_vars": {name: value for name, value in template_vars.items() if _is_json(value)},
        "account": account,
        "public_url": public_url,
        "hub": os.getpid(),
    }
    api_url = api_over_network(c)
    _show_invitations(c, ends_with_server)
    show_offered()
    lead_to_page()
    start_without_page()
    services.append(
        {
            "name": SERVICE,
            "url": address,
            "command": [sys.executable, "-c", START, str(PACKAGE)],
            "environment": {SETTINGS: json.dumps(settings), **({API: api_url} if api_url else {})},
            "oauth_client_allowed_scopes": [*SCOPES, *(NAMES if by_name else [])],
            "oauth_no_confirm": True,
        }
    )
    applied.append(
        {
            "everyone": everyone,
            "groups": {GROUPS: list(groups)} if groups else {},
            "hooks": hooks,
            "services": [SERVICE],
            "kept": {
                "JupyterHub.template_paths": lambda c: (
                    str(TEMPLATES) in value_of(c.JupyterHub, "template_paths", [])
                ),
                "JupyterHub.tornado_settings": lambda c: authorize_page or skips_authorize_page(c),
            },
            "page": Page(SERVICE, address, account, log, api_url, socket_of(c) if api_url else ""),
        }
    )


def offer_servers(c: Any, servers: Iterable[str]) -> None:
    """Show these servers on the sharing page to those to whom roles of the hub open them, where the hub has the page.

    servers: as in scopes, such as `project-rainfall/` or `alice/lab2`. To be called after `share_servers`, as often as there is need.
    """
    servers = list(servers)
    for server in servers:
        if not re.fullmatch("[^/]+/[^/]*", server):
            raise ValueError(
                f"{server!r} is not a server. Write OWNER/ for the default server, or OWNER/NAME"
            )
    if SERVICE in services_of(whole(c)):
        offered.update(servers)


def _show_invitations(c: Any, ends_with_server: bool) -> None:
    """Put our pages for accepting shares before the hub's, and after the administrator's own."""
    paths = reify(c.JupyterHub, "template_paths", [])
    if str(TEMPLATES) not in paths:
        paths.append(str(TEMPLATES))
    reify(c.JupyterHub, "template_vars", {})["shares_end_with_server"] = ends_with_server


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
