# SPDX-License-Identifier: GPL-3.0-or-later
"""The fragment's calls for sharing.

`share_servers` lets users share their own servers. `offer_servers` adds servers that roles open to others to the sharing page.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..names import EDIT, PAGE_CLIENT, SERVICE, SETTINGS, VISITOR
from ..patches.hub.asked import tell_pages_what_was_asked
from ..patches.hub.codes import give_codes_to_tabs
from ..patches.hub.guesses import limit_guesses, limit_links
from ..patches.hub.levels import tell_levels
from ..patches.hub.link_documents import keep_link_documents
from ..patches.hub.logout import end_sign_ins_at_logout
from ..patches.hub.page_start import start_without_page
from ..patches.hub.share_levels import keep_share_levels
from ..quiet_logs import keep_secrets
from .access_requests import let_ask
from .authorize import skip_authorize_page, skips_authorize_page, trust
from .collaboration import may_share
from .every_hub import protect
from .front import API, api_over_network, socket_of
from .grants import GROUPS, RIGHT
from .metrics import measure
from .offered import offered, show_offered
from .opened import note_opened
from .overview import show_overview
from .own_token import TRAIT as TOKEN_SCOPES
from .own_token import limit_own_tokens
from .page_check import Page
from .page_link import lead_to_page
from .page_place import place
from .policy import applied, services_of
from .present import tell_page_who_is_present
from .request_access import add_requests
from .roles import add_groups, grant_everyone, reify, value_of
from .servers import DEFAULT_SECONDS, limit_cached_rights, revocation_seconds
from .share_levels import level_of_link
from .share_log import log_shares
from .shares import end_shares_with_server, limit_shares
from .visitor import for_pages
from .visitors import for_home, seconds_present
from .whole import whole

PACKAGE = Path(__file__).parents[2]
TEMPLATES = Path(__file__).parent / "templates"
# Replaces the working directory in the import path, because nothing may be imported from there.
START = "import sys; sys.path[0] = sys.argv.pop(1); from jupyterhub_collab.sharing import main; main()"
LOG_OF_ROOT = "/var/log/jupyterhub-sharing.jsonl"
# Only root can bind a port below 1024. So no other account can take it while the page is down, and receive what browsers send to the page.
PORT_OF_ROOT = 905
PORT = 8905
# Scopes for sharing by name. They reveal whether a name exists, and nothing else.
NAMES = ["read:users:name", "read:groups:name"]
# The scopes of each user's token for the service. It can read and share the user's own servers, and list and leave what others share with
# the user. If a user lacks one of the scopes, the token lacks it, too.
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
    level: str = EDIT,
    highest_level: str = EDIT,
    can_view: bool = True,
    requests: bool = False,
    project_prefix: str = "",
) -> None:
    """Let users share their own servers, within limits, and register the sharing page as a service.

    groups: hub groups whose members may share; if empty, everyone may. by_name: whether they may share with users and groups by name.
    link_seconds, longest_link: default and maximum lifetime of a link in seconds.
    links_per_server: maximum number of valid links per server. guesses_per_minute: how many links that do not exist a user may open.
    ends_with_server: whether shares and links end when the server stops. authorize_page: whether the hub asks visitors before it tells
    another user's server who they are. revocation: seconds until a server notices that access has ended, unless the configuration sets
    that already. log: the file that records who granted access to whom. If empty, a file below /var/log if the hub is root, otherwise
    the hub's own log. port: the page's port on 127.0.0.1 (on all addresses if the proxy is elsewhere, see `page_place`). If 0, one that
    only root can bind if the hub is root, otherwise 8905. account: the host's account that the page's process switches to if the hub is
    root. public_url: the address at which users open the hub; empty if the hub knows it.
    level: the access level, `view` or `edit`, of shares and links whose creator asks for none. highest_level: of all shares and links. can_view:
    whether servers have live collaboration. Without it, they would let viewers edit, so no share or link can be at level `view`.
    requests: whether users can ask for access to servers that are not shared with them. project_prefix: how the names of projects' accounts begin,
    for which nobody could answer.
    """
    # In a pod, there are no other accounts that a port or a file must be kept from.
    root = os.geteuid() == 0 and not place.everywhere
    log = log or (LOG_OF_ROOT if root else "")
    port = port or (PORT_OF_ROOT if root else PORT)
    c = whole(c)
    protect()
    rights = [RIGHT, *(NAMES if by_name else [])]
    # Everyone may open the page, because it lists what others share with them.
    everyone = [f"access:services!service={SERVICE}", *([] if groups else rights)]
    grant_everyone(c, everyone)
    if groups:
        add_groups(c, GROUPS, "Can share their own server", rights, groups)
    limit_shares(longest_link)
    limit_links(links_per_server)
    keep_share_levels(level, highest_level, can_view=can_view)
    keep_link_documents()
    tell_levels()  # without it, viewers could edit
    limit_guesses(guesses_per_minute)
    keep_secrets()
    end_sign_ins_at_logout()
    give_codes_to_tabs()
    log_shares(log)
    limit_own_tokens(c, may_share)
    hooks = ["pre_spawn_hook", TOKEN_SCOPES]
    if revocation_seconds(c) == DEFAULT_SECONDS:
        limit_cached_rights(c, revocation)
    if ends_with_server:
        end_shares_with_server(c)
        hooks.append("post_stop_hook")
    trust(c, PAGE_CLIENT)
    if not authorize_page:
        skip_authorize_page(c)
    services = reify(c.JupyterHub, "services", [])
    if any(service.get("name") == SERVICE for service in services):
        raise ValueError(
            f"JupyterHub.services already has a service {SERVICE}, which is the name of the sharing page. Rename it"
        )
    address = f"http://{place.host}:{port}"
    template_vars = value_of(c.JupyterHub, "template_vars", {})
    settings = {
        "by_name": by_name,
        "link_seconds": min(link_seconds, longest_link),
        "longest_link": longest_link,
        "level": level,
        "highest_level": highest_level,
        "can_view": can_view,
        "requests": requests,
        "ends_with_server": ends_with_server,
        "revocation_seconds": revocation_seconds(c),
        "template_paths": list(value_of(c.JupyterHub, "template_paths", [])),
        "template_vars": {name: value for name, value in template_vars.items() if _is_json(value)},
        "account": account,
        "public_url": public_url,
        "hub": os.getpid(),
        **({"listen": ""} if place.everywhere else {}),
    }
    api_url = place.api_url or api_over_network(c)
    _use_templates(c, ends_with_server)
    show_offered()
    seconds = seconds_present(revocation_seconds(c))
    tell_page_who_is_present(seconds)
    show_overview(seconds)
    measure(seconds)
    # Every user can open the servers of shared accounts. So the page lists them as well.
    accounts = {account for policy in applied for account in policy.get("accounts", [])}
    offered.update(f"{account}/" for account in accounts)
    let_ask(requests, accounts, project_prefix)
    if requests:
        add_requests()
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
    """List these servers on the sharing page, each for the users to whom roles of the hub open it. Without the page, do nothing.

    servers: as scopes name them, such as `project-rainfall/` or `alice/lab2`. Raises ValueError for any other form. Call this after
    `share_servers`, as often as you like.
    """
    servers = list(servers)
    for server in servers:
        if not re.fullmatch("[^/]+/[^/]*", server):
            raise ValueError(
                f"{server!r} is not a server. Write OWNER/ for the default server, or OWNER/NAME"
            )
    if SERVICE in services_of(whole(c)):
        offered.update(servers)


def _use_templates(c: Any, ends_with_server: bool) -> None:
    """Let our pages for accepting shares, Home and refusals override the hub's, and the administrator's override ours."""
    paths = reify(c.JupyterHub, "template_paths", [])
    if str(TEMPLATES) not in paths:
        paths.append(str(TEMPLATES))
    template_vars = reify(c.JupyterHub, "template_vars", {})
    template_vars["shares_end_with_server"] = ends_with_server
    template_vars["level_of_link"] = level_of_link
    template_vars["visiting"] = for_home(revocation_seconds(c))
    template_vars[VISITOR] = for_pages(seconds_present(revocation_seconds(c)))
    tell_pages_what_was_asked()
    note_opened()


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
