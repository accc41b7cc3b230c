# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the collection's Python package on a node, where the hub tells servers to find it."""

from __future__ import annotations

import os
from typing import Any

from ..host import state as host_state
from ..host import transaction
from ..host.step import Step
from ..hub.package import DIRECTORY, NOT_COMPILED, HubPackage, remove_unused
from . import served

ARGUMENTS: dict[str, dict[str, Any]] = {
    "hub": {"type": "str", "required": True},
    "package": {"type": "dict", "default": {}},
    "python": {"type": "path", "default": ""},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def apply(step: Step) -> dict[str, Any]:
    """Install the version that the hub uses, and remove those that neither a hub nor a running server uses.

    With `state: absent`, remove all versions unless another hub uses the node.
    """
    hub, package = step.params["hub"], HubPackage(step.params["package"])
    if step.params["state"] == "absent":
        is_last = not served.others(hub)
        changed = hub in served.all_served() or (
            is_last and os.path.isdir(DIRECTORY) and not host_state.hubs()
        )
        if not step.check_mode:
            served.forget(hub)
            remove_unused(host_state.fragments())
        return {"changed": changed, "path": DIRECTORY}
    closed = package.closed()
    changed = not os.path.isdir(package.path) or bool(closed)
    if not step.check_mode:
        # Recorded first, so that no other run takes it for unused.
        if served.all_served().get(hub, {}).get("package") != package.path:
            served.record(hub, package=package.path)
        package.install()
        if why := package.compile(step.params["python"]):
            step.warn(NOT_COMPILED.format(path=package.path, why=why))
        for path in closed:
            transaction.open_up(path)
        remove_unused(host_state.fragments())
    return {"changed": changed, "path": package.path}
