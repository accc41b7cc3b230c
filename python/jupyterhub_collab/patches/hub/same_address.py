# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a server again when another one gets its address.

If a server ends without the hub, the proxy keeps its route until the hub looks (`Spawner.poll_interval`). Meanwhile, another user's server can get
its port, or the address of its container. It would receive what visitors of the first one send, such as their sign-ins.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any

from jupyterhub.app import JupyterHub
from jupyterhub.user import User

from ..releases import patches_hub


@patches_hub(
    "jupyterhub.user:User._wait_up(self, spawner)", "jupyterhub.spawner:Spawner.poll_and_notify(self)"
)
def look_at_former_servers() -> None:
    """From now on, ask the spawners of all servers with the address of one that starts, before it gets a route. Again, this does nothing."""
    theirs = User._wait_up
    if hasattr(theirs, "looks"):
        return

    @wraps(theirs)
    async def _wait_up(user: Any, spawner: Any) -> Any:
        for former in _with_address_of(spawner):
            user.log.info(
                "%s starts at the address of %s, which may have ended", spawner._log_name, former._log_name
            )
            await former.poll_and_notify()
        return await theirs(user, spawner)

    _wait_up.looks = True  # type: ignore[attr-defined]
    User._wait_up = _wait_up


def _with_address_of(spawner: Any) -> Iterator[Any]:
    for user in [*JupyterHub.instance().users.values()]:
        for other in [*user.spawners.values()]:
            if other is not spawner and other.ready and _address(other) == _address(spawner):
                yield other


def _address(spawner: Any) -> tuple[str, int]:
    return spawner.server.ip, spawner.server.port
