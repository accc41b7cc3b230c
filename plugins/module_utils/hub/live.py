# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart the hub of a unit without stopping users' servers, wait until it answers, and check it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from ..host.systemd_unit import Unit, show, systemctl
from . import connection, health, loaded, shutdown
from .api import HubApi, NoAnswer, hub_api
from .errors import Failed
from .held_port import HeldPort
from .package import HubPackage


class LiveHub:
    """The hub of a unit, with operations to restart and check it.

    timeout: seconds within which the hub must answer after a start, or exit after a shutdown request. settle: seconds that it
    must stay up after its first answer. The parameter `hub` of all methods is the hub as a dry run describes it
    (`jupyterhub_collab.hub.dry_run`).
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
        """Return a context manager for the hub's API, with a token for these scopes that is revoked when the context ends."""
        unit = show(self.service)
        return hub_api(unit, lambda: loaded.popen(self.package, unit, "service_token", *scopes), hub)

    def read(self, hub: dict[str, Any], module: str, *arguments: str) -> Any:
        """Return what a module of the package reads from the hub's database. Raises Failed if it cannot be read."""
        database = json.dumps(hub["database"])
        done = loaded.run(self.package, show(self.service), module, *arguments, given=database)
        if done.returncode != 0:
            raise Failed(f"failed to read the hub's database: {health.cause(done.stderr)}")
        return json.loads(done.stdout)

    def held(self, hub: dict[str, Any]) -> dict[str, Any]:
        """Return what the hub's database contains (see `jupyterhub_collab.hub.live`). Raises Failed if it cannot be read."""
        return dict(self.read(hub, "live"))

    def restart(self, hub: dict[str, Any], proxy: str = "", *, shares_port: bool = False) -> None:
        """Start or restart the hub without stopping users' servers. Raises Failed if systemd cannot start it.

        proxy: the unit of the hub's proxy, to restart it as well. shares_port: whether the hub that starts can bind its port while this
        process holds it. If so, the port is held until `wait` returns.
        """
        unit = show(self.service)
        self.port.hold(connection.places(hub["api_url"], unit) if shares_port else [])
        # After too many failures, systemd starts a unit again only if they are reset.
        systemctl("reset-failed", self.service)
        if unit.running:
            try:
                with self.api(hub, shutdown.SCOPE) as api:
                    shutdown.shut_down(unit, api, self.timeout, with_proxy=bool(proxy))
            except NoAnswer as error:
                self.warn(f"The hub was killed, because {error}. Users' servers keep running.")
                shutdown.kill(unit, self.timeout)
        # Only after the hub has exited: if the unit of the hub depends on the proxy's, systemd restarts both, and signals a running hub.
        if proxy and proxy != unit.properties["Id"]:
            systemctl("restart", proxy)
        # A plain start would wait until systemd's own restart of the hub is due (see systemd_unit.guarded). It would do nothing if the unit
        # has RemainAfterExit=yes.
        waiting = show(self.service).properties.get("SubState", "").startswith(("auto-restart", "exited"))
        done = systemctl("restart" if waiting else "start", self.service)
        if done.returncode != 0:
            raise Failed(f"systemd failed to start {self.service}: {' '.join(done.stderr.split())}")

    def wait(self, hub: dict[str, Any], settle: float | None = None) -> None:
        """Wait until the hub answers and has stayed up for `settle` seconds. Raises Failed if it does not.

        settle: None for the default of this object.
        """
        with self.started(hub, self.settle if settle is None else settle):
            pass

    @contextlib.contextmanager
    def started(self, hub: dict[str, Any], settle: float) -> Iterator[None]:
        """Wait until the hub answers, and after this context until it has stayed up for `settle` seconds. Raises Failed if it does not."""
        invocation = health.wait_until_it_answers(self.show, hub, self.timeout, Failed)
        settled = time.monotonic() + settle
        try:
            yield
        except Failed:
            # If the hub has stopped, or stops within this time, that is why.
            health.wait_until_it_stays(self.show, hub, invocation, settled, Failed)
            raise
        health.wait_until_it_stays(self.show, hub, invocation, settled, Failed)
        # If waiting fails, keep the port. Otherwise, another account could take it before the hub starts again.
        self.port.let_go()

    def show(self) -> Unit:
        return show(self.service)

    def check_started(self, hub: dict[str, Any]) -> dict[str, Any]:
        """Wait until the hub works, and return what its database contains.

        Raises Failed if the hub or the page of a service does not answer, or roles differ from the configuration.
        """
        with self.started(hub, self.settle):
            held = self.held(hub)
            if held["roles"] is None:
                self.warn("The hub keeps its database in memory, so its roles could not be checked.")
            elif lacking := health.roles_that_differ(hub["roles"], held["roles"]):
                raise Failed(
                    f"the hub runs, but these roles differ from its configuration: {', '.join(lacking)}"
                )
            health.wait_for_pages(self.show, hub, self.timeout, Failed)
        return held
