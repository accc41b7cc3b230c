# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub that a unit runs: restarted without harm to users' servers, waited for, and checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from . import hub_health, hub_shutdown, hub_socket
from .held_port import HeldPort
from .hub_api import HubApi, NoAnswer, hub_api
from .hub_errors import Failed
from .hub_package import HubPackage
from .systemd_unit import show, systemctl


class LiveHub:
    """A hub and what is needed to look after it.

    timeout: seconds in which the hub must answer after a start, or end after it was asked to. settle: seconds that it
    must stay up after its first answer. `hub` is always the hub as described by a dry run (`trial.describe`).
    """

    def __init__(
        self, service: str, package: HubPackage, timeout: float, settle: float, warn: Callable[[str], None]
    ) -> None:
        self.service = service
        self.package = package
        self.timeout = timeout
        self.settle = settle
        self.warn = warn
        self.port = HeldPort()

    def api(self, hub: dict[str, Any], *scopes: str) -> AbstractContextManager[HubApi]:
        """Return the hub's API, with a token for these scopes that lasts as long as the context."""
        unit = show(self.service)
        return hub_api(unit, self.package.command(unit, "service_token", *scopes), hub)

    def read(self, hub: dict[str, Any], module: str, *arguments: str) -> Any:
        """Return what a module of the package reads from the hub's database. Raises Failed where it cannot."""
        database = json.dumps(hub["database"])
        done = self.package.run(show(self.service), module, *arguments, input=database)
        if done.returncode != 0:
            raise Failed(f"failed to read the hub's database: {hub_health.last_line(done.stderr)}")
        return json.loads(done.stdout)

    def held(self, hub: dict[str, Any]) -> dict[str, Any]:
        """Return what the hub holds (see `jupyterhub_collab.hub.live`). Raises Failed where it cannot be read."""
        return dict(self.read(hub, "live"))

    def restart(self, hub: dict[str, Any], proxy: str = "", *, shares_port: bool = False) -> None:
        """Start or restart the hub, and the unit of its proxy with it, and leave people's servers running.

        shares_port: whether the hub that starts takes its port though it is held, which it then is until `wait` is over.
        """
        unit = show(self.service)
        self.port.hold(hub_socket.places(hub["api_url"], unit) if shares_port else [])
        # A unit that systemd has given up on after too many failures starts again only when that is forgotten.
        systemctl("reset-failed", self.service)
        if unit.running:
            try:
                with self.api(hub, hub_shutdown.SCOPE) as api:
                    hub_shutdown.shut_down(unit, api, self.timeout, with_proxy=bool(proxy))
            except NoAnswer as error:
                self.warn(f"The hub was killed, because {error}. Users' servers keep running.")
                hub_shutdown.kill(unit, self.timeout)
        # Not before the hub has ended: systemd may be told to restart the hub with its proxy, which takes a signal.
        if proxy and proxy != unit.properties["Id"]:
            systemctl("restart", proxy)
        # A plain start would wait until systemd's own restart of the hub is due (see systemd_unit.guarded).
        waiting = show(self.service).properties.get("SubState", "").startswith("auto-restart")
        done = systemctl("restart" if waiting else "start", self.service)
        if done.returncode != 0:
            raise Failed(f"systemd failed to start {self.service}: {' '.join(done.stderr.split())}")

    def wait(self, hub: dict[str, Any], settle: float | None = None) -> None:
        """Return when the hub answers and has stayed up for a while. Raises Failed where it does not."""
        settle = self.settle if settle is None else settle
        hub_health.wait_until_it_answers(lambda: show(self.service), hub, self.timeout, settle, Failed)
        # Not where it fails: someone would have the port before the hub is started again.
        self.port.let_go()

    def prove(self, hub: dict[str, Any]) -> dict[str, Any]:
        """Wait, and return what the hub holds. Raises Failed where it lacks roles that its configuration asks for."""
        self.wait(hub)
        held = self.held(hub)
        if held["roles"] is None:
            self.warn("The hub keeps its database in memory, so its roles could not be checked.")
        elif lacking := hub_health.roles_that_differ(hub["roles"], held["roles"]):
            raise Failed(f"the hub runs, but these roles differ from its configuration: {', '.join(lacking)}")
        hub_health.wait_for_pages(lambda: show(self.service), hub, self.timeout, Failed)
        return held
