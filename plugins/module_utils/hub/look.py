# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a hub before a change in the same way as afterwards.

If the checks cannot reach a hub that works, the change would kill this hub, and then report that it did not come back. So do not change
a hub that cannot be checked.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..host.systemd_unit import Unit, show
from . import health, shutdown
from .api import NoAnswer
from .connection import Impostor, connection
from .errors import Failed, Refused

if TYPE_CHECKING:
    from .live import LiveHub

# A hub that accepts connections but does not answer for this long hangs. It is the right process, and needs a restart.
HANG_SECONDS = 15
ANSWER_SECONDS = 5


class Hangs(Exception):
    """A process accepts connections at the address, but does not answer."""


class NotThere(NoAnswer):
    """Nothing accepts connections at the address. The hub may still be starting."""


def before_change(
    live: LiveHub, likely: dict[str, Any], on_disk: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the description by which the running hub can be checked, and what its database contains (None if the hub hangs or has exited).

    likely: the hub as described by an earlier run or by the candidate. on_disk: returns the hub as described by the files before the
    change, which takes seconds. Raises Refused if neither description allows checking the hub, and the hub does not hang.
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
            return likely, None  # it has exited, but not because of these checks
        if not looked_at_files:
            looked_at_files = True
            # The files may fail to load, and the change may fix that.
            with contextlib.suppress(Refused):
                hub = on_disk()
                hubs += [hub] if any(hub[each] != likely[each] for each in ("api_url", "database")) else []
        elif not hubs or (why and time.monotonic() > begun + live.timeout):
            raise Refused(
                f"the hub runs, but cannot be checked during a change: {why}. If the configuration of {live.service} has changed since "
                "it was started, restart it, then rerun"
            )
        else:
            time.sleep(health.POLL_SECONDS)


def _see(live: LiveHub, hub: dict[str, Any]) -> dict[str, Any]:
    """Return what the hub's database contains. Raises Failed and NoAnswer if a check fails, and Hangs if the hub does not answer at all."""
    knock(hub["api_url"], show(live.service))
    held = live.held(hub)
    if held["roles"] is None:
        return held  # the database is in the hub's memory, so no token can be created
    with live.api(hub, shutdown.SCOPE) as api:
        status, _said = api.request("GET", "/user")
    if status != 200:
        raise NoAnswer(
            f"its API at {api.url} rejects a token from its database with status {status}. The database may belong to another hub, or show this "
            "one an old state, as MySQL and MariaDB do unless c.JupyterHub.db_kwargs has the isolation_level READ COMMITTED"
        )
    return held


def knock(api_url: str, unit: Unit) -> None:
    """Raise NoAnswer if the unit's hub cannot be reached at a URL, and Hangs if it accepts connections there but does not answer."""
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
