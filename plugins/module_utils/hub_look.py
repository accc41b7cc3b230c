# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a hub before a change all that it will be asked after it, in the same way.

A hub that is well and that we cannot see would be killed, and then be said not to have come back. So who cannot see it changes nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import hub_health, hub_shutdown
from .hub_api import NoAnswer
from .hub_errors import Failed, Refused
from .hub_socket import Impostor, connection
from .systemd_unit import Unit, show

if TYPE_CHECKING:
    from .live_hub import LiveHub

# A hub that takes connections and says nothing for so long hangs: it is the right one, and a restart is what it needs.
HANG_SECONDS = 15
ANSWER_SECONDS = 5


class Hangs(Exception):
    """Something takes connections there, and says nothing."""


class NotThere(NoAnswer):
    """Nothing takes connections there. A hub that is just starting will."""


def before_change(
    live: LiveHub, likely: dict[str, Any], on_disk: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the hub that runs as it will be looked at after a change, and what it holds; None where that cannot be asked.

    likely: the hub as an earlier run or the candidate has it. on_disk: gives it as the files have it before the change, which takes
    seconds. Raises Refused where the hub cannot be seen by either, and is not known to hang.
    """
    hubs, why, begun = [likely], "", time.monotonic()
    looked_at_files = False
    while True:
        for hub in list(hubs):
            try:
                return hub, _see(live, hub)
            except Hangs:
                if time.monotonic() > begun + HANG_SECONDS:
                    return hub, None
            except NotThere as error:  # it may be starting
                why = str(error)
            except (Failed, NoAnswer) as error:
                why = str(error)
                hubs.remove(hub)
        if not show(live.service).running:
            return likely, None  # it has ended, which no look at it has done
        if not looked_at_files:
            looked_at_files = True
            # They may not even load, and the change may be what puts that right.
            with contextlib.suppress(Refused):
                hub = on_disk()
                hubs += [hub] if any(hub[each] != likely[each] for each in ("api_url", "database")) else []
        elif not hubs or (why and time.monotonic() > begun + live.timeout):
            raise Refused(
                f"the hub runs, but cannot be checked during a change: {why}. If the configuration of {live.service} has changed since "
                "it was started, restart it, then rerun"
            )
        else:
            time.sleep(hub_health.POLL_SECONDS)


def _see(live: LiveHub, hub: dict[str, Any]) -> dict[str, Any]:
    """Return what the hub holds. Raises Failed and NoAnswer where it does not answer something, and Hangs where it answers nothing."""
    knock(hub["api_url"], show(live.service))
    held = live.held(hub)
    if held["roles"] is None:
        return held  # its database is in its own memory, which gives nobody a token
    with live.api(hub, hub_shutdown.SCOPE) as api:
        status, _said = api.request("GET", "/user")
    if status != 200:
        raise NoAnswer(
            f"its API at {api.url} rejects a token from its database with status {status}. The database may belong to another hub"
        )
    return held


def knock(api_url: str, unit: Unit) -> None:
    """Raise NoAnswer where the hub of a unit is not reached at an address, and Hangs where it takes connections there and says nothing."""
    link = connection(api_url, ANSWER_SECONDS, unit)
    try:
        link.connect()
    except Impostor as error:
        raise NoAnswer(str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise NotThere(f"nothing answers at {api_url} ({error})") from error
    try:
        link.request("GET", urlsplit(api_url).path.rstrip("/") + "/", headers={"Accept": "application/json"})
        answer = link.getresponse()
        told = json.loads(answer.read())
        if answer.status != 200 or "version" not in told:
            raise ValueError(f"status {answer.status}")
    except TimeoutError as error:
        raise Hangs from error
    except (OSError, http.client.HTTPException, ValueError, TypeError) as error:
        raise NoAnswer(f"a program that is not JupyterHub answers at {api_url} ({error})") from error
    finally:
        link.close()
