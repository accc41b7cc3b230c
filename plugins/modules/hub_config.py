#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes a hub's configuration as one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_config
short_description: Change the configuration of a live JupyterHub as one transaction
version_added: 1.0.0
description:
  - Puts a fragment of configuration beside a hub's main configuration file and makes the main file run it, through
    one marked block at the end that serves all fragments. Nothing else in the main file changes.
  - Tries the whole candidate configuration first, in memory, with the hub's own interpreter, account and environment.
    A configuration that the hub would not start with never gets into place.
  - Restarts the hub if and only if what runs is not what is on disk, also when it was an earlier run that was cut off.
    Then waits until the hub answers and holds the roles that its configuration asks for. Otherwise everything is put
    back, the hub is restarted with what it had, and the task fails with the reason.
  - Every role of this collection that configures the hub uses this module, and nothing else edits the hub's
    configuration or restarts it. Two runs on one host wait for each other.
options:
  path:
    description: The hub's main configuration file.
    type: path
    required: true
  fragment:
    description:
      - Name of the fragment. It becomes C(jupyterhub_collab.d/NAME.py) beside the main file.
      - Fragments run in the order of their names.
    type: str
    required: true
  content:
    description: What the fragment says. Python, executed with the C(c) of the main file. Required unless it is to be absent.
    type: str
  state:
    description: Whether the fragment is to be there. With the last fragment, the block goes from the main file.
    type: str
    choices: [present, absent]
    default: present
  mode:
    description: Permissions of the fragment. Its owner and group are those of the account that runs the hub.
    type: str
    default: "0644"
  create:
    description: Make the main file where there is none.
    type: bool
    default: false
  supersedes:
    description:
      - Markers of blocks in the main file that this fragment takes the place of, as C(blockinfile) writes them, with
        C({mark}) where C(BEGIN) and C(END) stand.
    type: list
    elements: str
    default: []
  service:
    description: The systemd unit that runs the hub.
    type: str
    default: jupyterhub
  runs_with:
    description:
      - What the hub's process must have been started with beside its configuration, such as versions of packages or the
        checksum of its unit. The hub is restarted when these differ from those of the last run.
    type: dict
    default: {}
  timeout:
    description: How long to wait for the hub to answer after a restart, in seconds.
    type: int
    default: 60
  settle:
    description: How long the hub must stay up after its first answer before the change counts as good, in seconds.
    type: float
    default: 2
  package:
    description:
      - The files of the Python package that fragments import, relative path to text. The action plugin of this module
        fills it in from the collection. In O(content), C(@PACKAGE@) stands for the directory that holds the package.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Reports what would change. The candidate is not tried, as accounts and packages may not be there yet.
  diff_mode:
    support: full
    description: Shows the fragment and the marked block, and nothing else of the main file, which may hold secrets.
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Ensure the hub runs with the configuration of this role
  collab.jupyterhub.hub_config:
    path: /usr/local/etc/jupyter/jupyterhub_config.py
    fragment: 50-rtc
    content: "{{ lookup('ansible.builtin.template', 'rtc.py.j2') }}"
"""

RETURN = r"""
restarted:
  description: Whether the hub was started or restarted.
  type: bool
  returned: always
hub:
  description: The hub as the trial of its configuration saw it.
  type: dict
  returned: when the configuration was tried in this run or an earlier one
  sample: {base_url: /, bind_url: "http://:8000", public_url: "", api_url: "http://127.0.0.1:8081/hub/api"}
warnings_of_the_hub:
  description: Settings in the configuration that the hub does not know.
  type: list
  elements: str
  returned: when the configuration was tried in this run
put_out:
  description: Whose connections were ended, as their right to be on somebody's server ended with the change.
  type: list
  elements: str
  returned: when the configuration was tried in this run
  sample: [bob from the server of alice]
"""

import contextlib
import fcntl
import glob
import hashlib
import json
import math
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils import (
    config_block,
    hub_health,
    hub_proxy,
    hub_shutdown,
    transaction,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub_api import NoAnswer, hub_api
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub_process import (
    HubNotFound,
    hub_command,
    run_as_hub,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.systemd_unit import (
    NoSystemd,
    Unit,
    journal,
    only_main_process,
    show,
    systemctl,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.transaction import FileChange

STATE_DIRECTORY = "/var/lib/collab.jupyterhub"
PACKAGE_DIRECTORY = "/usr/local/lib/collab.jupyterhub"
LOCK = os.path.join(STATE_DIRECTORY, "lock")
TRIAL_PREFIX = ".collab-trial-"
NEW_PACKAGE_PREFIX = ".new-"
TRIAL_SECONDS = 120
LOCK_SECONDS = 600
# For how long a server trusts what the hub has said about a visitor where nothing else is set (HubOAuth.cache_max_age).
DEFAULT_REVOCATION_SECONDS = 300
NEW_MAIN = (
    b"# Configuration of JupyterHub. Settings of your own stand above the block of collab.jupyterhub.\n\n"
)


class Refused(Exception):
    """The change cannot be made; nothing on the host has changed."""


class Failed(Exception):
    """The change was made and did not prove itself."""


class HubConfig:
    """One change of one hub's configuration."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.params = module.params
        self.service: str = module.params["service"]
        self.main: str = os.path.realpath(module.params["path"])
        self.fragments: str = os.path.join(os.path.dirname(self.main), "jupyterhub_collab.d")
        self.journal = transaction.Journal(os.path.join(STATE_DIRECTORY, f"{self.service}.undo"))
        self.state_path = os.path.join(STATE_DIRECTORY, f"{self.service}.json")
        self.started = time.time()
        self.disconnected: list[str] = []

    # What is to be

    @property
    def package_path(self) -> str:
        """The directory of this very package: its name is the digest of its content, so it never changes."""
        package = json.dumps(self.params["package"], sort_keys=True)
        return os.path.join(PACKAGE_DIRECTORY, hashlib.sha256(package.encode()).hexdigest()[:12])

    def changes(self, unit: Unit) -> list[FileChange]:
        """Return the files that differ from what they are to be, in the order in which they may be swapped.

        The main file names the fragments, so it comes last where a fragment is added and first where one goes: the
        configuration is whole after every single step.
        """
        present = self.params["state"] == "present"
        fragment = os.path.join(self.fragments, self.params["fragment"] + ".py")
        others = [path for path in glob.glob(os.path.join(self.fragments, "*.py")) if path != fragment]
        there = transaction.read(self.main)
        if there is None and not self.params["create"]:
            raise Refused(
                f"there is no configuration file {self.params['path']}: set the path of the hub's main file"
            )
        main = config_block.without_foreign_blocks(
            NEW_MAIN if there is None else there, self.params["supersedes"]
        )
        main = (
            config_block.with_block(main, self.fragments)
            if present or others
            else config_block.without_block(main)
        )
        owner = pwd.getpwnam(unit.user)
        content = self.params["content"].replace("@PACKAGE@", self.package_path).encode() if present else None
        wanted = [
            FileChange(fragment, content, int(self.params["mode"], 8), owner.pw_uid, owner.pw_gid),
            FileChange(self.main, main),
        ]
        if not present:
            wanted.reverse()
        return [change for change in wanted if transaction.read(change.path) != change.content]

    def diff(self, changes: list[FileChange]) -> list[dict[str, str]]:
        """Return Ansible's diff of the changes, of the main file only what is ours."""

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

    # What is remembered from run to run

    def load_state(self) -> dict[str, Any]:
        """Return what earlier runs left: `stale` (the start of the hub that must not go on), `runs_with`, `hub`."""
        return dict(json.loads(transaction.read(self.state_path) or b"{}"))

    def save_state(self, state: dict[str, Any]) -> None:
        transaction.write(self.state_path, json.dumps(state, indent=1, sort_keys=True).encode())

    # The steps

    def install_package(self) -> None:
        """Put the package that the fragment imports in place, where nothing imports it yet."""
        target = self.package_path
        if os.path.isdir(target):
            return
        os.makedirs(PACKAGE_DIRECTORY, mode=0o755, exist_ok=True)
        temporary = tempfile.mkdtemp(dir=PACKAGE_DIRECTORY, prefix=NEW_PACKAGE_PREFIX)
        try:
            for relative, text in self.params["package"].items():
                path = os.path.join(temporary, relative)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            for directory, _names, files in os.walk(temporary):
                os.chmod(directory, 0o755)
                for name in files:
                    os.chmod(os.path.join(directory, name), 0o644)
            os.rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def tidy(self) -> None:
        """Remove what nothing names any more: packages of earlier versions, and all of ours with the last fragment."""
        fragments = glob.glob(os.path.join(self.fragments, "*.py"))
        used = b"".join(transaction.read(path) or b"" for path in fragments)
        for path in glob.glob(os.path.join(PACKAGE_DIRECTORY, "[0-9a-f]" * 12)):
            if path.encode() not in used:
                shutil.rmtree(path, ignore_errors=True)
        if not fragments:
            for path in (self.fragments, PACKAGE_DIRECTORY):
                with contextlib.suppress(OSError):  # not there, or not ours alone
                    os.rmdir(path)

    def sweep(self) -> None:
        """Remove what runs that were killed have left behind: no other run is at work, as this one holds the lock."""
        beside = os.path.dirname(self.main)
        paths = glob.glob(f"{beside}/{TRIAL_PREFIX}*") + glob.glob(
            f"{PACKAGE_DIRECTORY}/{NEW_PACKAGE_PREFIX}*"
        )
        for directory in (beside, self.fragments, STATE_DIRECTORY):
            paths += transaction.leftovers(directory)
        for path in paths:
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def try_out(self, unit: Unit, changes: list[FileChange]) -> dict[str, Any]:
        """Load the candidate configuration in memory and return what the hub would be.

        The candidate lies beside the main file, so that what it looks up beside itself is there, and runs the
        fragments of a directory in which the new one has its place already. Raises Refused where it would not start.
        """
        new = {change.path: change for change in changes}
        directory = tempfile.mkdtemp(dir=os.path.dirname(self.main), prefix=TRIAL_PREFIX)
        source = new[self.main].staged if self.main in new else self.main
        candidate = os.path.join(os.path.dirname(self.main), TRIAL_PREFIX + os.path.basename(self.main))
        try:
            os.chmod(directory, 0o755)
            for path in {*glob.glob(os.path.join(self.fragments, "*.py")), *new} - {self.main}:
                if path not in new:
                    transaction.copy(path, os.path.join(directory, os.path.basename(path)))
                elif new[path].content is not None:
                    transaction.copy(new[path].staged, os.path.join(directory, os.path.basename(path)))
            transaction.copy(source, candidate)
            main = transaction.read(source) or b""
            if config_block.find_block(main):
                with open(candidate, "wb") as file:
                    file.write(config_block.with_block(main, directory))
            return self.load(unit, candidate, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
            if os.path.lexists(candidate):
                os.unlink(candidate)

    def package_command(self, unit: Unit, module: str, *arguments: str) -> list[str]:
        """Return the command that runs a module of the package's part for the hub with the hub's interpreter."""
        # The package takes the place of the working directory, from which nothing must be imported.
        code = f"import sys; sys.path[0] = sys.argv.pop(1); from jupyterhub_collab.hub.{module} import main; "
        code += "main(*sys.argv[1:])"
        return [hub_command(unit).python, "-c", code, self.package_path, *arguments]

    def load(self, unit: Unit, path: str, fragments: str) -> dict[str, Any]:
        """Load a main file that stands for the real one, with the fragments of a directory, as the hub would."""
        try:
            command = self.package_command(unit, "trial", *hub_command(unit).arguments, f"--config={path}")
            done = run_as_hub(unit, command, TRIAL_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Refused(f"the hub's configuration did not load within {TRIAL_SECONDS} s") from error
        if done.returncode != 0:
            output = (done.stderr or done.stdout).replace(fragments, self.fragments).replace(path, self.main)
            raise Refused(hub_health.reason(output, self.main))
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))

    def refuse_unknown(self, unit: Unit, warnings: list[str]) -> None:
        """Raise Refused where the change brings settings that the hub does not know: it would go on without them."""
        if not warnings:
            return
        before = self.load(unit, self.main, self.fragments)["warnings"] if os.path.exists(self.main) else []
        if ours := [warning for warning in warnings if warning not in before]:
            raise Refused(f"the hub does not know what {self.params['fragment']} sets: {'; '.join(ours)}")

    def blame(self, unit: Unit, error: Refused) -> Refused:
        """Say it where the hub's configuration does not even load as it stands now."""
        try:
            if os.path.exists(self.main):
                self.load(unit, self.main, self.fragments)
        except Refused as without:
            return Refused(f"{without}; it is so without this change already: mend it first")
        return error

    def restart(self, unit: Unit, hub: dict[str, Any], proxy: str = "") -> None:
        """Start or restart the hub, and the unit of its proxy with it, and leave people's servers running."""
        # A unit that systemd has given up on after too many failures starts again only when that is forgotten.
        systemctl("reset-failed", self.service)
        verb = "start"
        if unit.running:
            try:
                make_token = self.package_command(unit, "service_token", hub_shutdown.SCOPE)
                with hub_api(unit, make_token, hub) as api:
                    hub_shutdown.shut_down(unit, api, self.params["timeout"], with_proxy=bool(proxy))
            except NoAnswer as error:
                self.module.warn(
                    f"The hub was ended by a signal, since {error}. Unless c.JupyterHub.cleanup_servers is False, "
                    "it has stopped the servers that people had running."
                )
                verb = "restart"
        # Not before the hub has ended: systemd may be told to restart the hub with its proxy, which takes a signal.
        if proxy and proxy != unit.properties["Id"]:
            systemctl("restart", proxy)
        done = systemctl(verb, self.service)
        if done.returncode != 0:
            raise Failed(f"systemd could not start {self.service}: {' '.join(done.stderr.split())}")

    def wait(self, hub: dict[str, Any]) -> None:
        """Wait until the hub answers, and some seconds more, in which it must stay up."""
        hub_health.wait_until_it_answers(
            lambda: show(self.service), hub, self.params["timeout"], self.params["settle"], Failed
        )

    def prove(self, hub: dict[str, Any]) -> None:
        """Wait until the hub answers, stays up and holds the roles that its configuration asks for."""
        self.wait(hub)
        unit = show(self.service)
        held = self.read_database(unit, hub, "live")
        if held is None:
            self.module.warn(
                "The hub keeps its database in memory, so which roles it holds was not looked at."
            )
        elif lacking := hub_health.roles_that_differ(hub["roles"], held):
            raise Failed(f"the hub runs, but without these roles as configured: {', '.join(lacking)}")

    def read_database(self, unit: Unit, hub: dict[str, Any], module: str) -> Any:
        """Return what a module of the package reads from the hub's database."""
        command = self.package_command(unit, module)
        done = run_as_hub(unit, command, TRIAL_SECONDS, input=json.dumps(hub["database"]))
        if done.returncode != 0:
            raise Failed(f"the hub's database could not be read: {hub_health.last_line(done.stderr)}")
        return json.loads(done.stdout)

    def remember_visitors(self, unit: Unit, state: dict[str, Any], hub: dict[str, Any]) -> None:
        """Keep in the state who may be on somebody else's server now, beside those that a run that was cut off kept."""
        if unit.running:
            with contextlib.suppress(Failed):  # there is no database yet, or none that the candidate names
                found = self.read_database(unit, hub, "visitors")
                state.setdefault("visitors", []).extend(each for each in found if each["allowed"])

    def put_out(self, state: dict[str, Any], hub: dict[str, Any]) -> list[str]:
        """End the connections of people whose right to be on somebody's server has ended with the change.

        Servers trust what the hub said about a visitor for some seconds and never look at a connection again that is
        open. So all connections end once no server remembers, and those who may come back do so by themselves.
        Returns whom it has put out.
        """
        unit = show(self.service)
        before = {(each["user"], each["owner"], each["server"]) for each in state.get("visitors", [])}
        outcasts = [
            each
            for each in self.read_database(unit, hub, "visitors")
            if not each["allowed"] and (each["user"], each["owner"], each["server"]) in before
        ]
        if not outcasts:
            return []
        trusting = sorted(
            {each["owner"] for each in outcasts if each["started"] < state.get("revocation_since", math.inf)}
        )
        if trusting:
            self.module.warn(
                f"Stop and start the servers of {', '.join(trusting)}: they were started before this collection configured "
                "the hub, so people who were on them and have no right to it any more may stay."
            )
        # What the servers were started with, which the configuration before this change said.
        time.sleep(state["hub"]["revocation_seconds"] + 1 if "revocation_since" in state else 0)
        try:
            self.restart(unit, hub, hub_proxy.find_unit(unit, hub))
        except hub_proxy.NoProxy as error:
            names = ", ".join(sorted({each["owner"] for each in outcasts}))
            self.module.warn(
                f"Restart the hub's proxy or the servers of {names}: people who have no right to be there any more may "
                f"still be connected, and their connections could not be ended, since {error}."
            )
            return []
        self.wait(hub)
        return sorted(f"{each['user']} from the server of {each['owner']}" for each in outcasts)

    # The whole

    def run(self) -> dict[str, Any]:
        unit = show(self.service)
        if not unit.exists:
            raise Refused(f"there is no systemd unit {self.service}: name the one that runs the hub")
        state = self.load_state()
        recovered = self.recover(unit, state)
        if not self.module.check_mode:
            self.sweep()
        changes = self.changes(unit)
        if state.get("runs_with", {}).get(self.params["fragment"], {}) != self.params["runs_with"]:
            stale = unit.invocation
        else:
            stale = state.get("stale", "")
        restart = bool(changes) or not unit.running or unit.invocation == stale or recovered
        untried = "hub" not in state
        result: dict[str, Any] = {"changed": restart, "restarted": restart, "diff": self.diff(changes)}
        if self.module.check_mode or not (restart or untried):
            return {**result, "hub": state.get("hub", {})}

        self.install_package()
        for change in changes:
            os.makedirs(os.path.dirname(change.path), mode=0o755, exist_ok=True)
        try:
            for change in changes:
                transaction.stage(change)
            hub = self.try_out(unit, changes)
            warnings = hub.pop("warnings")
            self.refuse_unknown(unit, warnings)
            if restart:
                self.replace(state, changes, hub)
        except Refused as error:
            verdict = self.blame(unit, error)
            self.tidy()
            raise verdict from error
        finally:
            transaction.unstage(changes)
        state["hub"] = {key: value for key, value in hub.items() if key not in ("roles", "database")}
        state.setdefault("runs_with", {})[self.params["fragment"]] = self.params["runs_with"]
        if hub["revocation_seconds"] < DEFAULT_REVOCATION_SECONDS:
            state.setdefault("revocation_since", time.time())
        else:
            state.pop("revocation_since", None)
        state.pop("visitors", None)
        state["stale"] = ""
        self.save_state(state)
        self.journal.end()
        self.tidy()
        return {**result, "hub": state["hub"], "warnings_of_the_hub": warnings, "put_out": self.disconnected}

    def recover(self, unit: Unit, state: dict[str, Any]) -> bool:
        """Undo what a run that was cut off has left half done; return whether the hub has to be restarted for it."""
        if not self.journal.exists():
            return False
        if not self.module.check_mode:
            # The hub may have been started with the unfinished files: what runs now must go, whatever comes next.
            self.save_state({**state, "stale": unit.invocation})
            self.journal.undo()
            self.journal.end()
        return True

    def replace(self, state: dict[str, Any], changes: list[FileChange], hub: dict[str, Any]) -> None:
        """Make the change, and put everything back where it does not prove itself."""
        unit = show(self.service)
        self.remember_visitors(unit, state, hub)
        self.journal.begin(changes)
        with only_main_process(unit):
            try:
                self.go_live(state, changes, hub)
            except Exception as error:  # whatever it is, the hub must not stay with half of a change
                self.return_to_before(state, changes, hub, error)

    def go_live(self, state: dict[str, Any], changes: list[FileChange], hub: dict[str, Any]) -> None:
        """Swap the files in, restart the hub and prove it."""
        transaction.swap(changes)
        # Taken after the swap: a hub that was started in between runs what is on disk only if it is started again.
        unit = show(self.service)
        self.save_state({**state, "stale": unit.invocation})
        self.restart(unit, {**hub, **state.get("hub", {})})
        self.prove(hub)
        self.disconnected = self.put_out(state, hub)

    def return_to_before(
        self, state: dict[str, Any], changes: list[FileChange], hub: dict[str, Any], cause: Exception
    ) -> None:
        """Put back what was there, restart the hub with it, and fail with the reason."""
        log = journal(self.service, f"@{int(self.started)}")
        self.journal.undo()
        outcome = "the hub runs again as before"
        stale = ""
        try:
            self.restart(show(self.service), hub)
            hub_health.wait_until_it_answers(
                lambda: show(self.service), state.get("hub") or hub, self.params["timeout"], 0, Failed
            )
        except Failed as error:
            outcome = f"the hub did not come back with it either ({error})"
            stale = show(self.service).invocation
        self.save_state({**state, "stale": stale})
        self.journal.end()
        self.tidy()
        back = (
            "What was there has been put back and " if changes else "Its configuration was not changed and "
        )
        self.module.fail_json(
            msg=f"{cause}. {back}{outcome}. The last lines of the hub's log are in `log`.",
            log=log,
            restarted=True,
        )


@contextlib.contextmanager
def lock(path: str) -> Iterator[None]:
    """Hold the one lock of the host; closing the file lets it go."""
    deadline = time.monotonic() + LOCK_SECONDS
    with open(path, "w", encoding="utf-8") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refused(
                        f"another run has been changing this hub for {LOCK_SECONDS} s: wait for it to end"
                    ) from None
                time.sleep(0.2)
        yield


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "fragment": {"type": "str", "required": True},
            "content": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "mode": {"type": "str", "default": "0644"},
            "create": {"type": "bool", "default": False},
            "supersedes": {"type": "list", "elements": "str", "default": []},
            "service": {"type": "str", "default": "jupyterhub"},
            "runs_with": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 60},
            "settle": {"type": "float", "default": 2},
            "package": {"type": "dict", "default": {}},
        },
        required_if=[("state", "present", ["content"])],
        supports_check_mode=True,
    )
    try:
        if module.check_mode:
            module.exit_json(**HubConfig(module).run())
        os.makedirs(STATE_DIRECTORY, mode=0o700, exist_ok=True)
        with lock(LOCK):
            module.exit_json(**HubConfig(module).run())
    except (Refused, NoSystemd, HubNotFound) as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    except OSError as error:
        module.fail_json(msg=f"{error.filename or module.params['path']}: {error.strerror or error}")


if __name__ == "__main__":
    main()
