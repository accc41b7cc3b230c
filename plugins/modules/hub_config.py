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
import glob
import json
import os
import pwd
import shutil
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils import (
    config_block,
    hub_health,
    hub_package,
    hub_trial,
    hub_visitors,
    transaction,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub_errors import Failed, PutBack, Refused
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub_process import HubNotFound
from ansible_collections.collab.jupyterhub.plugins.module_utils.live_hub import LiveHub
from ansible_collections.collab.jupyterhub.plugins.module_utils.systemd_unit import (
    NoSystemd,
    Unit,
    guarded,
    journal,
    show,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.transaction import FileChange

STATE_DIRECTORY = "/var/lib/collab.jupyterhub"
LOCK = os.path.join(STATE_DIRECTORY, "lock")
LOCK_SECONDS = 600
# Of what a trial tells about a hub: what may hold a password, and what is asked for anew each time.
NOT_REMEMBERED = ("database", "roles", "warnings")
NEW_MAIN = (
    b"# Configuration of JupyterHub. Settings of your own stand above the block of collab.jupyterhub.\n\n"
)


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
        self.package = hub_package.HubPackage(module.params["package"])
        self.live = LiveHub(
            self.service, self.package, module.params["timeout"], module.params["settle"], module.warn
        )
        self.started = time.time()

    # What is to be

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
        content = self.params["content"].replace("@PACKAGE@", self.package.path).encode() if present else None
        wanted = [
            FileChange(fragment, content, int(self.params["mode"], 8), owner.pw_uid, owner.pw_gid),
            FileChange(self.main, main, keeps_attributes=True),
        ]
        if not present:
            wanted.reverse()
        return [change for change in wanted if not change.is_made]

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

    def tidy(self) -> None:
        """Remove what nothing names any more: packages of earlier versions, and all of ours with the last fragment."""
        fragments = glob.glob(os.path.join(self.fragments, "*.py"))
        hub_package.remove_unused(b"".join(transaction.read(path) or b"" for path in fragments))
        if not fragments:
            with contextlib.suppress(OSError):  # not there, or not ours alone
                os.rmdir(self.fragments)

    def sweep(self) -> None:
        """Remove what runs that were killed have left behind: no other run is at work, as this one holds the lock."""
        paths = hub_trial.leftovers(self.main) + hub_package.leftovers()
        # A journal that counted is gone by now; what is left of one was written or removed halfway.
        paths += glob.glob(glob.escape(self.journal.directory))
        for directory in (os.path.dirname(self.main), self.fragments, STATE_DIRECTORY):
            paths += transaction.leftovers(directory)
        for path in paths:
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

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

        self.package.install()
        for change in changes:
            os.makedirs(os.path.dirname(change.path), mode=0o755, exist_ok=True)
        try:
            for change in changes:
                transaction.stage(change)
            hub = hub_trial.Trial(self.package, unit, self.main, self.fragments).of(changes)
            put_out = self.replace(state, changes, hub) if restart else []
        except Refused:
            self.tidy()
            raise
        finally:
            transaction.unstage(changes)
        state["hub"] = {key: value for key, value in hub.items() if key not in NOT_REMEMBERED}
        state.setdefault("runs_with", {})[self.params["fragment"]] = self.params["runs_with"]
        hub_visitors.note_revocation(hub, state)
        state.pop("visitors", None)
        state["stale"] = ""
        self.save_state(state)
        self.journal.end()
        self.tidy()
        return {**result, "hub": state["hub"], "warnings_of_the_hub": hub["warnings"], "put_out": put_out}

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

    def replace(self, state: dict[str, Any], changes: list[FileChange], hub: dict[str, Any]) -> list[str]:
        """Make the change, and put everything back where it does not prove itself. Returns whom it has put out."""
        hub_visitors.remember(self.live, hub, state)
        self.journal.begin(changes)
        # Where this run is killed nobody holds the lock, and the next start of the hub is one with what there was before.
        with guarded(show(self.service), f"flock --nonblock {LOCK} sh {self.journal.script}"):
            try:
                return self.go_live(state, changes, hub)
            except Exception as error:  # whatever it is, the hub must not stay with half of a change
                raise self.return_to_before(state, changes, hub, error) from error

    def go_live(self, state: dict[str, Any], changes: list[FileChange], hub: dict[str, Any]) -> list[str]:
        """Swap the files in, restart the hub, prove it, and put out whom it has no room for any more."""
        transaction.swap(changes)
        # Taken after the swap: a hub that was started in between runs what is on disk only if it is started again.
        self.save_state({**state, "stale": show(self.service).invocation})
        self.live.restart({**hub, **state.get("hub", {})})
        self.live.prove(hub)
        return hub_visitors.put_out(self.live, hub, state)

    def return_to_before(
        self, state: dict[str, Any], changes: list[FileChange], hub: dict[str, Any], cause: Exception
    ) -> PutBack:
        """Put back what was there, restart the hub with it, and return what to fail with."""
        log = journal(self.service, f"@{int(self.started)}")
        said = "".join(f" ({line})" for line in hub_health.exceptions("\n".join(log))[-1:])
        self.journal.undo()
        outcome = "the hub runs again as before"
        stale = ""
        try:
            self.live.restart(hub)
            hub_health.wait_until_it_answers(
                lambda: show(self.service), state.get("hub") or hub, self.params["timeout"], 0, Failed
            )
        except Failed as error:
            outcome = f"the hub did not come back with it either ({error})"
            stale = show(self.service).invocation
        with contextlib.suppress(OSError):  # the journal stays, and the next run goes on from here
            self.save_state({**state, "stale": stale})
            self.journal.end()
            self.tidy()
        back = (
            "What was there has been put back and " if changes else "Its configuration was not changed and "
        )
        return PutBack(f"{cause}{said}. {back}{outcome}. The last lines of the hub's log are in `log`.", log)


def make_state_directory() -> None:
    """Raise Refused where others than root can write what is done as root."""
    os.makedirs(STATE_DIRECTORY, mode=0o700, exist_ok=True)
    there = os.stat(STATE_DIRECTORY)
    if there.st_uid != os.geteuid() or there.st_mode & 0o022:
        raise Refused(
            f"{STATE_DIRECTORY} can be written by others than root: look who has changed what is in it, and make it "
            "root's alone (chown root and chmod 700) or remove it"
        )


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
        make_state_directory()
        with transaction.lock(LOCK, LOCK_SECONDS):
            module.exit_json(**HubConfig(module).run())
    except (Refused, NoSystemd, HubNotFound) as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    except PutBack as error:
        module.fail_json(msg=str(error), log=error.log, restarted=True)
    except TimeoutError:
        reason = f"another run has been changing this hub for {LOCK_SECONDS} s: wait for it to end"
        module.fail_json(msg=f"{reason}. Nothing was changed.")
    except OSError as error:
        unfinished = HubConfig(module).journal.exists()
        outcome = (
            "The next run undoes or completes what this one began" if unfinished else "Nothing was changed"
        )
        place = error.filename or module.params["path"]
        module.fail_json(msg=f"{place}: {error.strerror or error}; mend that and run it again. {outcome}.")


if __name__ == "__main__":
    main()
