# SPDX-License-Identifier: GPL-3.0-or-later
"""A pytest plugin that gives the hubs in JupyterHub's own tests the configuration that the play writes in shared user mode."""

import logging
import os
from collections.abc import Iterator
from typing import Any

from jupyterhub.tests.mocking import MockHub
from jupyterhub.tests.utils import AsyncSession
from requests.cookies import RequestsCookieJar
from traitlets.config import Config

from jupyterhub_collab.hub import apply
from jupyterhub_collab.hub.collaboration import collaborate
from jupyterhub_collab.hub.sharing import share_servers
from jupyterhub_collab.names import SERVICE

ACCOUNT = "shared"


def load_config_file(hub: Any, *_arguments: Any, **_options: Any) -> None:
    """Load what the play's fragments contain. These tests have no configuration file."""
    c = Config(hub.config)
    if any(service["name"] == SERVICE for service in hub.services):
        return  # a test gives a second hub the configuration of the first
    if hub.services:
        c.JupyterHub.services = [*hub.services]  # those that a test gives the hub as an argument
    apply(c, everyone=[f"servers!server={ACCOUNT}/", f"access:servers!server={ACCOUNT}/"], accounts=[ACCOUNT])
    share_servers(
        c,
        groups=[],
        by_name=True,
        link_seconds=3600,
        longest_link=86400,
        links_per_server=100,
        guesses_per_minute=1000,
        ends_with_server=True,
        authorize_page=True,
        revocation=5,
        log=os.devnull,
        port=8089,
        account="nobody",
        requests=True,
    )
    # Otherwise each further hub in the same process adds another handler, and shares are logged several times.
    logging.getLogger("jupyterhub_collab.shares").handlers.clear()
    collaborate(
        c,
        everyone=False,
        accounts=[ACCOUNT],
        owners=True,
        state_directory="",
        refuse_unprepared=False,  # the servers in these tests are not Jupyter servers
        history_megabytes=100,
        documents_per_person=100,
        websockets_per_person=500,
        mem_limit="",
        cpu_limit=0.0,
        idle_seconds=0,
        email_domain="example.org",
    )
    hub.update_config(c)


class Cookies(RequestsCookieJar):
    """A browser's cookies that does not name ours: each login of these tests asserts that there are no others than JupyterHub's."""

    def iterkeys(self) -> Iterator[str]:
        return (name for name in super().iterkeys() if not name.endswith("-hub-login-session"))


def begin(session: Any, **options: Any) -> None:
    _begin(session, **options)
    session.cookies = Cookies()


_begin = AsyncSession.__init__
AsyncSession.__init__ = begin
MockHub.load_config_file = load_config_file
