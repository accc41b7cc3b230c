# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops a server that people would work on together and that nothing guards, before anybody gets in.

A container image, a node of a cluster or an environment without this package starts such a server all the same, as plain JupyterLab:
visitors could end it, and what people type at the same time would be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from jupyterhub import spawner as spawners
from jupyterhub.app import JupyterHub
from jupyterhub.user import User
from jupyterhub.utils import make_ssl_context
from tornado.web import HTTPError

from ..names import GUARDED

MESSAGE = (
    "This server was stopped: people may come in, and its environment lacks what guards it and keeps what they type. Start another"
    " environment, if you have the choice, or ask your administrator to prepare this one."
)
LOG = (
    "%s was stopped, as nothing guards it: where it runs, the package of this hub's collaboration is not there. Run the playbook jupyter_rtc"
    " again, and the script of jupyterhub_rtc_snippet in images and further environments. To let such servers run unguarded, set"
    " jupyterhub_rtc_refuse_unprepared to false."
)


def refuse_unprepared(is_chosen: Callable[[Any], bool]) -> None:
    """Have the hub stop each chosen server that starts and does not say that it is guarded. One that runs already goes on."""
    User._wait_up = _looking(User._wait_up, is_chosen)


def _looking(wait_up: Any, is_chosen: Callable[[Any], bool]) -> Any:
    @wraps(wait_up)
    async def wait_up_and_look(user: Any, spawner: Any) -> Any:
        await wait_up(user, spawner)
        if is_chosen(spawner) and not await _is_guarded(user, spawner):
            user.log.error(LOG, spawner._log_name)
            await user.stop(spawner.name)
            raise _refusal()
        return spawner

    return wait_up_and_look


async def _is_guarded(user: Any, spawner: Any) -> bool:
    key, certificate, authority = (
        user.settings.get(f"internal_ssl_{name}") for name in ("key", "cert", "ca")
    )
    answer = await spawner.server.wait_up(
        http=True,
        timeout=spawner.http_timeout,
        ssl_context=make_ssl_context(key, certificate, cafile=authority),
        extra_path="api",
    )
    return GUARDED in answer.headers


def _refusal() -> Any:
    if kind := getattr(spawners, "SpawnException", None):
        refusal = kind(MESSAGE, reason="unprepared")
    else:
        # Before JupyterHub 6 the hub counts a refusal as a failure of its own, and ends after some (`consecutive_failure_limit`).
        settings = JupyterHub.instance().tornado_application.settings
        settings["failure_count"] = settings.get("failure_count", 0) - 1
        refusal = HTTPError(400, MESSAGE)
    refusal.jupyterhub_message = MESSAGE  # of the page that waits for the server
    return refusal
