# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a hub's configuration in one transaction."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import Any

from ..host import config_block, transaction
from ..host import state as host_state
from ..host.later import Later
from ..host.step import Step, StepFailed
from ..host.systemd_unit import NoSystemd, Unit, guarded, journal, show
from ..host.transaction import FileChange
from . import dry_run, health, loaded, look, proxy, rights, visitors
from . import package as hub_package
from .compare import Comparison
from .errors import Failed, PutBack, Refused
from .live import LiveHub
from .process import HubNotFound

# Parts of a dry run's result that are not stored: they may contain a password, or each dry run determines them anew.
NOT_REMEMBERED = ("database", "roles", "warnings", "pages")
START_IN_LOADS = 10  # a healthy hub starts in about twice the time that its configuration takes to load


class HubConfig(Comparison):
    """A change to the configuration of one hub."""

    def __init__(self, module: Step) -> None:
        super().__init__(module)
        self.live = LiveHub(
            self.service, self.package, module.params["timeout"], module.params["settle"], module.warn
        )
        self.started = self.restarted = time.time()
        self.compiling: Later[str] | None = None
        # The hub before the change. Empty if it was not running.
        self.before: dict[str, Any] = {}

    def save_state(self, state: dict[str, Any]) -> None:
        host_state.remember(self.state_name, state)

    # The steps

    def tidy(self) -> None:
        """Remove unused versions of the package and, if no fragment is left, the directory of the fragments."""
        self.wait_for_compilation()
        hub_package.remove_unused(host_state.fragments(self.main))
        with contextlib.suppress(OSError):  # it does not exist, or contains something
            os.rmdir(self.fragments)

    def sweep(self) -> None:
        """Remove temporary files of runs that were killed. No other run is active, because this one holds the lock."""
        for path in self.leftovers():
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    # The complete run

    def run(self) -> dict[str, Any]:
        result = self.compare()
        unit, state, changes = self.unit, self.state, self.changes
        if self.module.check_mode:
            return {**result, "ended": self.foresee(unit, changes) if self.restart else []}
        if not (self.restart or self.untried):
            self.compile()
            self.wait_for_compilation()
            self.forget(state)
            return result
        if not unit.running and not self.present:
            return {**result, "restarted": False, **self.remove_at_rest(unit, state, changes)}

        for path in self.closed:
            transaction.open_up(path)
        self.package.install()
        self.compile()
        for change in changes:
            os.makedirs(os.path.dirname(change.path), mode=0o755, exist_ok=True)
        try:
            try:
                for change in changes:
                    transaction.stage(change)
                begun = time.monotonic()
                hub = self.tried(unit, changes)
                # If code and configuration load slowly, on a busy or slow host, the hub also starts slowly.
                took = loaded.seconds() + time.monotonic() - begun
                self.live.timeout = max(self.live.timeout, START_IN_LOADS * took)
                told = self.replace(state, changes, hub) if self.restart else {}
            finally:
                transaction.unstage(changes)
        except Refused:
            self.tidy()
            raise
        for usurper in proxy.usurpers(hub, show(self.service)):
            self.module.warn(f"{usurper[:1].upper()}{usurper[1:]}.")
        hub["front_answers"] = proxy.is_there(hub, show(self.service))
        state["hub"] = {key: value for key, value in hub.items() if key not in NOT_REMEMBERED}
        state.setdefault("runs_with", {})[self.params["fragment"]] = self.params["runs_with"]
        state["path"] = self.main
        changed = [change.path for change in changes]
        # Includes other fragments that now import this version of the package.
        for name in {self.params["fragment"], *self.params["others"], *state.get("in_force_since", {})}:
            if self.unfinished or config_block.fragment_path(self.main, name) in changed:
                state.setdefault("in_force_since", {})[name] = self.restarted
        visitors.note_revocation(hub, state)
        state.pop("visitors", None)
        state["stale"] = ""
        self.save_state(state)
        self.journal.end()
        self.tidy()
        self.forget(state)
        result |= self.in_force_since(state)
        return {**result, "hub": state["hub"], "hub_warnings": hub["warnings"], **told}

    def tried(self, unit: Unit, changes: list[FileChange]) -> dict[str, Any]:
        """Return the hub as a dry run of the changes describes it. Raises Refused if the hub would not start with them."""
        try:
            return dry_run.DryRun(self.package, unit, self.main, self.fragments).of(changes)
        except Refused as error:
            changed = [change.path for change in changes]
            paths = [path for path in config_block.fragments_in(self.fragments) if path not in changed]
            if older := self.moved(paths):
                raise Refused(
                    f"{error}. Another version of this collection wrote {' and '.join(older)}. Run role jupyterhub_rtc first"
                ) from error
            raise

    def compile(self) -> None:
        """Begin to compile the package for users' servers. Their interpreter may be another one than at the last run."""
        if self.present:
            self.compiling = Later(lambda: self.package.compile(self.params["python"]))

    def wait_for_compilation(self) -> None:
        if self.compiling and (why := self.compiling.result()):
            self.module.warn(hub_package.NOT_COMPILED.format(path=self.package.path, why=why))
        self.compiling = None

    def recover(self) -> bool:
        """Roll back an interrupted run, and remove what was left (not in check mode)."""
        if self.module.check_mode:
            return super().recover()
        recovered = self.journal.exists()
        if recovered:
            # The hub may have started with the unfinished files, so always restart it.
            self.save_state({**self.state, "stale": self.unit.invocation})
            self.journal.undo()
            self.journal.end()
        self.sweep()
        return recovered

    def replace(
        self, state: dict[str, Any], changes: list[FileChange], hub: dict[str, Any]
    ) -> dict[str, Any]:
        """Apply the change, and return what to report. If the change fails, roll back and raise PutBack."""
        if show(self.service).running:
            candidate = dry_run.DryRun(self.package, show(self.service), self.main, self.fragments)
            held: dict[str, Any] | None = None
            try:
                likely = {**hub, **state.get("hub", {})}
                self.before, held = look.before_change(self.live, likely, candidate.of_now)
            except Refused:
                if not self.left_over:
                    raise
            self.refuse_other_database(changes, hub)
            # After an interrupted run, the hub may not have created its database yet.
            with contextlib.suppress(Failed):
                held = held or self.live.held(self.before or hub)
                visitors.remember(held, state)
                rights.remember(held, state)
        self.save_state(state)
        self.journal.begin(changes)
        # If this run is killed, its lock is released. The next start of the hub then gets the lock and rolls back first.
        with guarded(
            show(self.service),
            f"flock --nonblock {host_state.path_of(host_state.LOCK)} sh {self.journal.script}",
        ):
            try:
                return self.go_live(state, changes, hub)
            except Exception as error:  # whatever the cause, the hub must not keep half of a change
                raise self.return_to_before(state, changes, hub, error) from error

    def refuse_other_database(self, changes: list[FileChange], hub: dict[str, Any]) -> None:
        """Raise Refused if the hub would start with another database than the running one uses, and so without its users and servers.

        Settings below the block count no longer after the block was moved to the end of the file. A fragment that sets the database may
        change it.
        """
        sets_it = any(b"db_url" in (change.content or b"") for change in changes if change.path != self.main)
        if self.before and not sets_it and self.before["database"]["url"] != hub["database"]["url"]:
            raise Refused(
                f"the hub would start with another database than it uses now. If {self.main} has settings below the block of collab.jupyterhub, "
                f"move them above it. If you have changed c.JupyterHub.db_url, restart {self.service}, then rerun"
            )

    def go_live(
        self, state: dict[str, Any], changes: list[FileChange], hub: dict[str, Any]
    ) -> dict[str, Any]:
        """Swap the files, restart the hub, check it, and revoke what its configuration no longer grants."""
        transaction.swap(changes)
        # Read after the swap: a hub that started during the swap needs another restart to run what is on disk.
        self.save_state({**state, "stale": show(self.service).invocation})
        # The running hub is reached at its old address. `hub` has the address of the hub that starts.
        running = self.before or {**hub, **state.get("hub", {})}
        self.live.restart(running, shares_port=hub["shares_port"])
        self.restarted = time.time()
        held = self.live.check_started(hub)
        ended = rights.end(self.live, hub, state, self.params["retired"], held)
        if ended:  # guests lose access with the shares
            held = self.live.held(hub)
        return {"ended": ended, "disconnected": visitors.disconnect(self.live, hub, state, held)}

    def remove_at_rest(self, unit: Unit, state: dict[str, Any], changes: list[FileChange]) -> dict[str, Any]:
        """Remove the fragment from a hub that does not run or no longer exists, without starting it."""
        ended: list[str] = []
        self.package.install()
        try:
            for change in changes:
                transaction.stage(change)
            try:
                hub = self.tried(unit, changes)
                ended = rights.end_at_rest(self.live, hub, state, self.params["retired"])
            except (Refused, Failed, HubNotFound, OSError) as error:
                self.module.warn(
                    "Failed to open the hub's database. Shares and the hub users of shared accounts may still be in it, and take effect when "
                    f"the hub runs again: {error}."
                )
            self.journal.begin(changes)
            transaction.swap(changes)
        finally:
            transaction.unstage(changes)
        self.journal.end()
        self.tidy()
        self.forget(state)
        return {"hub": {}, "ended": ended, **self.in_force_since({})}

    def foresee(self, unit: Unit, changes: list[FileChange]) -> list[str]:
        """Return what the change would revoke, as far as it can be predicted without applying the change."""
        users: list[str] = self.params["retired"]
        shares = {"shares": 0, "links": 0}
        withdrawn = any(
            rights.GIVES_IT in (transaction.read(change.path) or b"")
            and rights.GIVES_IT not in (change.content or b"")
            for change in changes
        )
        if withdrawn and unit.exists and os.path.isdir(self.package.path):
            with contextlib.suppress(Refused, Failed, HubNotFound, OSError):
                hub = dry_run.DryRun(self.package, unit, self.main, self.fragments).of_now()
                shares = rights.count(self.live.held(hub)["grants"])
        return rights.sentences({**shares, "users": users})

    def forget(self, state: dict[str, Any]) -> None:
        """Delete the recorded state of a removed fragment, or that of the hub if no fragment is left."""
        if self.present or self.journal.exists():
            return
        if config_block.fragments_in(self.fragments):
            runs_with = state.get("runs_with", {})
            for name in (self.params["fragment"], *self.params["others"]):
                state.get("in_force_since", {}).pop(name, None)
            if runs_with.pop(self.params["fragment"], None) is not None:
                self.save_state(state)
        else:
            self.save_state({})

    def return_to_before(
        self, state: dict[str, Any], changes: list[FileChange], hub: dict[str, Any], cause: Exception
    ) -> PutBack:
        """Roll back, restart the hub with its previous configuration, and return the error to raise."""
        log = journal(self.service, f"@{int(self.started)}")
        said = "".join(f" ({line})" for line in health.exceptions("\n".join(log))[-1:])
        self.journal.undo()
        outcome = "the hub runs as before"
        stale = ""
        try:
            before = state.get("hub") or {}
            # `hub` describes the candidate. Only the state of an earlier run tells whether the previous hub shares its port.
            self.live.restart(hub, shares_port=before.get("shares_port", False))
            self.live.wait(self.before or before or hub, settle=0)
        except Failed as error:
            if show(self.service).running:
                outcome = f"the hub was started with it but has not answered yet ({error})"
            elif self.before:
                outcome = f"the hub does not start with it either ({error})"
            else:
                outcome = f"the hub, which did not work before, still does not ({error})"
            stale = show(self.service).invocation
        self.live.port.let_go()
        with contextlib.suppress(OSError):  # the journal remains, and the next run rolls back
            self.save_state({**state, "stale": stale})
            self.journal.end()
            self.tidy()
        back = (
            "The previous configuration was restored, and "
            if changes
            else "The configuration was not changed, and "
        )
        return PutBack(f"{cause}{said}. {back}{outcome}. See `log` for the last lines of the hub's log.", log)


def apply(step: Step) -> dict[str, Any]:
    """Change the hub as module hub_config does, and return its result. Raises StepFailed."""
    try:
        return HubConfig(step).run()
    except (Refused, NoSystemd, HubNotFound) as error:
        raise StepFailed(f"{error}. Nothing was changed.") from error
    except PutBack as error:
        raise StepFailed(str(error), log=error.log, restarted=True) from error
    except OSError as error:
        unfinished = HubConfig(step).journal.exists()
        outcome = "The next run completes or rolls back this one" if unfinished else "Nothing was changed"
        place = error.filename or step.params["path"]
        raise StepFailed(f"{place}: {error.strerror or error}. Fix it, then rerun. {outcome}.") from error
