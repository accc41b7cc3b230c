# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put what a node needs into steps, in the order in which module `node` runs them. See `module_utils/apply/data.py`.

Servers must find the package as soon as the hub uses it, so what they read comes before the hub changes. The accounts have the numbers that
they get on the hub's host, so they come after it, and so does what nothing may use any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .plan import LAB_SETTINGS, lab_options
from .policy import nodes, rtc

Step = dict[str, Any]
# The step that gets the accounts of the hub's host, once they exist.
ACCOUNTS = "accounts"


def before(settings: dict[str, Any], host: dict[str, Any], found: dict[str, Any]) -> list[Step]:
    """Return the steps before the hub changes. host: the hub's host. found: what module node_plan has found on the node."""
    if rtc.is_removal(settings) or not rtc.is_live(settings):
        return []
    policy, lab = nodes.policy(settings, host, found), found["lab"]
    made = []
    if policy["packages"]:
        options = {"environment": lab["environment"], "packages": policy["packages"], "remember": True}
        made.append(_step("packages", "python_packages", options | {"constraints": policy["constraints"]}))
    made.append(
        _step("package", "node_package", {"hub": settings["inventory_hostname"], "python": lab["python"]})
    )
    options = {"python": lab["python"], "name": LAB_SETTINGS[0], **policy["lab"]}
    return [*made, _step("lab", "lab_settings", options)]


def after(settings: dict[str, Any], host: dict[str, Any], found: dict[str, Any]) -> list[Step]:
    """Return the steps after the hub has changed."""
    return [*_after(settings, host, found)]


def _after(settings: dict[str, Any], host: dict[str, Any], found: dict[str, Any]) -> Iterator[Step]:
    hub = settings["inventory_hostname"]
    yield _step(ACCOUNTS, "node_accounts", {"hub": hub, "accounts": []})
    if rtc.is_removal(settings) or not rtc.is_live(settings):
        yield _step("package", "node_package", {"hub": hub, "state": "absent"})
        is_last = not [other for other in found["others"] if other != hub]
        names = LAB_SETTINGS if rtc.is_removal(settings) else LAB_SETTINGS[:1]
        for name in names if is_last else ():
            yield _step("lab", "lab_settings", {"name": name, "state": "absent"})
        for environment in found["environments"] if is_last else ():
            yield _step("restored", "python_packages", {"environment": environment, "state": "restored"})
    if not rtc.is_removal(settings):
        menus = lab_options(nodes.policy(settings, host, found))[LAB_SETTINGS[1]]
        yield _step(
            "menu", "lab_settings", {"python": found["lab"]["python"], "name": LAB_SETTINGS[1], **menus}
        )


def _step(name: str, does: str, options: dict[str, Any]) -> Step:
    return {"name": name, "does": does, "options": options}
