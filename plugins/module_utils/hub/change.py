# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a hub's configuration in one transaction."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import time
from typing import Any

from ..host import config_block, transaction
from ..host import state as host_state
from ..host.step import Step, StepFailed
from ..host.systemd_unit import NoSystemd, Unit, guarded, journal, show
from ..host.transaction import FileChange
from . import dry_run, health, look, proxy, rights, visitors
from . import package as hub_package
from .errors import Failed, PutBack, Refused
from .live import LiveHub
from .process import HubNotFound, account_of

ARGUMENTS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "fragment": {"type": "str", "required": True},
    "content": {"type": "str"},
    "others": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "mode": {"type": "str", "default": "0644"},
    "create": {"type": "bool", "default": False},
    "supersedes": {"type": "list", "elements": "str", "default": []},
    "service": {"type": "str", "default": "jupyterhub"},
    "runs_with": {"type": "dict", "default": {}},
    "timeout": {"type": "int", "default": 60},
    "settle": {"type": "float", "default": 2},
    "retired": {"type": "list", "elements": "str", "default": []},
    "package": {"type": "dict", "default": {}},
    "python": {"type": "path", "default": ""},
}

# Parts of a dry run's result that are not stored: they may contain a password, or each dry run determines them anew.
NOT_REMEMBERED = ("database", "roles", "warnings", "pages")
START_IN_LOADS = 10  # a healthy hub starts in about twice the time that its configuration takes to load
NEW_MAIN = b"# Configuration of JupyterHub. Add your own settings above the block of collab.jupyterhub.\n\n"


class HubConfig:
    """A change to the configuration of one hub."""

    def __init__(self, module: Step) -> None:
        self.module = module
        self.params = module.params
        self.service = host_state.name_of(module.params["service"])
        self.main: str = config_block.python_file(module.params["path"])
        self.fragments: str = config_block.fragments_directory(self.main)
        self.fragment: str = config_block.fragment_path(self.main, module.params["fragment"])
        self.present: bool = module.params["state"] == "present"
        self.journal = transaction.Journal(host_state.path_of(f"{self.service}.undo"))
        self.state_name = f"{self.service}.json"
        self.package = hub_package.HubPackage(module.params["package"], module.params.get("package_path", ""))
        self.live = LiveHub(
            self.service, self.package, module.params["timeout"], module.params["settle"], module.warn
        )
        self.started = self.restarted = time.time()
        self.left_over = False
        # The hub before the change. Empty if it was not running.
        self.before: dict[str, Any] = {}

    # The desired state

    def changes(self, unit: Unit) -> list[FileChange]:
        """Return the files to change, in the order in which to swap them.

        The main file names the fragments, so it comes last if a fragment is added and first if one is removed. This way, the
        configuration is complete after each step.
        """
        wanted = self.wanted()
        others = [path for path in config_block.fragments_in(self.fragments) if path not in wanted]
        there = transaction.read(self.main)
        may_be_made = self.params["create"] or os.path.exists(config_block.json_file(self.main))
        if there is None and self.present and not may_be_made:
            raise Refused(
                f"the configuration file {self.params['path']} does not exist. Set path to the hub's main configuration file"
            )
        ground = config_block.without_foreign_blocks(
            NEW_MAIN if there is None else there, self.params["supersedes"]
        )
        main: bytes | None = (
            config_block.with_block(ground, self.fragments)
            if others or any(content is not None for content in wanted.values())
            else config_block.without_block(ground)
        )
        if not self.present and (there is None or main == NEW_MAIN):
            main = None  # it did not exist, or was created for the block
        files = [FileChange(self.main, main, keeps_attributes=True)]
        if any(hub_package.imports(content or b"") for content in wanted.values()):
            for path, moved in self.moved(others).items():
                files.append(FileChange(path, moved, keeps_attributes=True))
        for path, content in wanted.items():
            if content is None:
                files.append(FileChange(path, None))
            else:
                user, group, _groups = account_of(unit)
                mode = int(self.params["mode"], 8)
                files.insert(0, FileChange(path, content, mode, user, group))
        return [change for change in files if not change.is_made]

    def wanted(self) -> dict[str, bytes | None]:
        """Return the new content of each fragment by path, or None to remove the fragment."""
        texts = {
            **self.params["others"],
            self.params["fragment"]: self.params["content"] if self.present else "",
        }
        return {
            config_block.fragment_path(self.main, name): (text or "")
            .replace("@PACKAGE@", self.package.path)
            .encode()
            or None
            for name, text in texts.items()
        }

    def moved(self, paths: list[str]) -> dict[str, bytes]:
        """Return the new content, by path, of the fragments that import another version of the package and must import this one."""
        texts = {path: transaction.read(path) or b"" for path in sorted(paths)}
        moved = {path: hub_package.moved_to(self.package.path, text) for path, text in texts.items()}
        return {path: text for path, text in moved.items() if text != texts[path]}

    def diff(self, changes: list[FileChange]) -> list[dict[str, str]]:
        """Return Ansible's diff of the changes. For the main file, it contains only the marked block."""

        def text(content: bytes | None, path: str) -> str:
            content = content or b""
            return (config_block.find_block(content) if path == self.main else content).decode(
                errors="replace"
            )

        return [
            {
                "before_header": change.path,
                "after_header": change.path,
                "before": text(transaction.read(change.path), change.path),
                "after": text(change.content, change.path),
            }
            for change in changes
        ]

    # State between runs

    def load_state(self) -> dict[str, Any]:
        """Return the state that earlier runs recorded: `stale` (the systemd invocation ID of the hub that must be restarted), `runs_with`,
        `in_force_since`, `hub`, `path`.
        """
        return host_state.recall(self.state_name)

    def save_state(self, state: dict[str, Any]) -> None:
        host_state.remember(self.state_name, state)

    # The steps

    def tidy(self) -> None:
        """Remove unused versions of the package and, if no fragment is left, the directory of the fragments."""
        hub_package.remove_unused(host_state.fragments(self.main))
        with contextlib.suppress(OSError):  # it does not exist, or contains something
            os.rmdir(self.fragments)

    def leftovers(self) -> list[str]:
        """Return the temporary files of runs that were killed, if no other run is active."""
        paths = dry_run.leftovers(self.main) + hub_package.leftovers()
        # `recover` has already processed a valid journal. If the directory still exists, it was only partly written or removed.
        paths += glob.glob(glob.escape(self.journal.directory))
        for directory in (os.path.dirname(self.main), self.fragments, host_state.STATE_DIRECTORY):
            paths += transaction.leftovers(directory)
        return paths

    def sweep(self) -> None:
        """Remove temporary files of runs that were killed. No other run is active, because this one holds the lock."""
        for path in self.leftovers():
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    # The complete run

    def run(self) -> dict[str, Any]:
        unit = show(self.service)
        if self.present and not unit.exists:
            raise Refused(
                f"the systemd unit {self.service} does not exist. Set service to the unit that runs the hub"
            )
        if other := host_state.beside(self.service, self.main):
            raise Refused(config_block.same_directory(other, self.main))
        state = self.load_state()
        recovered = self.recover(unit, state)
        if self.module.check_mode:
            self.module.repairs += self.leftovers()
        else:
            self.sweep()
        changes = self.changes(unit)
        if state.get("runs_with", {}).get(self.params["fragment"], {}) != self.params["runs_with"]:
            stale = unit.invocation
        else:
            stale = state.get("stale", "")
        closed = self.closed(unit)
        unfinished = unit.invocation == (stale or None) or recovered or bool(closed) or self.is_missing()
        # An interrupted run may have left a broken hub that needs a restart.
        self.left_over = recovered or bool(state.get("stale"))
        restart = bool(changes) or unfinished
        untried = False
        if self.present:
            restart |= not unit.running
            untried = "hub" not in state
        result: dict[str, Any] = {"changed": restart, "restarted": restart, "diff": self.diff(changes)}
        if self.module.check_mode:
            self.module.repairs += ["the hub's configuration was never loaded"] if untried else []
            ended = self.foresee(unit, changes) if restart else []
            return {**result, "hub": state.get("hub", {}), "ended": ended, **self.in_force_since(state)}
        if not (restart or untried):
            self.compile()
            self.forget(state)
            return {**result, "hub": state.get("hub", {}), **self.in_force_since(state)}
        if not unit.running and not self.present:
            return {**result, "restarted": False, **self.remove_at_rest(unit, state, changes)}

        for path in closed:
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
                # If the configuration loads slowly, on a busy or slow host, the hub also starts slowly.
                self.live.timeout = max(self.live.timeout, START_IN_LOADS * (time.monotonic() - begun))
                told = self.replace(state, changes, hub) if restart else {}
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
            if unfinished or config_block.fragment_path(self.main, name) in changed:
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

    def in_force_since(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return the results that say when the hub was started with the current fragments."""
        known = state.get("in_force_since", {})
        return {
            "in_force_since": known.get(self.params["fragment"], 0),
            "others_in_force_since": {name: known.get(name, 0) for name in self.params["others"]},
        }

    def closed(self, unit: Unit) -> list[str]:
        """Return the collection's directories that the hub or users' servers cannot read, and therefore cannot load code from."""
        if not self.present:
            return []
        is_root = account_of(unit)[0] == 0
        ours = [] if is_root or not transaction.is_closed(self.fragments) else [self.fragments]
        return [*self.package.closed(), *ours]

    def compile(self) -> None:
        """Compile the package for users' servers, unless it is compiled already. Their interpreter may be another one than at the last run."""
        if self.present and (why := self.package.compile(self.params["python"])):
            self.module.warn(hub_package.NOT_COMPILED.format(path=self.package.path, why=why))

    def is_missing(self) -> bool:
        """Return whether a fragment on disk uses the package, but it was removed. New servers and the next start of the hub need it."""
        texts = [transaction.read(path) or b"" for path in config_block.fragments_in(self.fragments)]
        return not os.path.isdir(self.package.path) and self.package.path.encode() in b"".join(texts)

    def recover(self, unit: Unit, state: dict[str, Any]) -> bool:
        """Roll back an interrupted run (not in check mode). Return whether there was one, in which case the hub needs a restart."""
        if not self.journal.exists():
            return False
        if not self.module.check_mode:
            # The hub may have started with the unfinished files, so always restart it.
            self.save_state({**state, "stale": unit.invocation})
            self.journal.undo()
            self.journal.end()
        return True

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
