#!/usr/bin/python
# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify a live hub from the outside, as temporary users."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_verify
short_description: Verify on a live JupyterHub that users can edit together and that others have no access
version_added: 1.1.0
description:
  - Creates two hub users, and an account without access to the hub. As these users, logs in, starts and opens servers, edits a
    document together, and attempts actions that must be refused. Measures how long an edit takes to reach the other user, and how
    soon a guest is disconnected after their access is revoked.
  - Removes everything that it has created, even if it is interrupted. Then returns the results without judging them.
  - Also works with hubs that this collection did not configure.
options:
  path:
    description: The hub's main configuration file.
    type: path
    required: true
  service:
    description: The systemd unit that runs the hub.
    type: str
    default: jupyterhub
  url:
    description: The address of the hub, including its prefix. Defaults to the address at which the hub's proxy listens on the host.
    type: str
  fragment:
    description: A fragment of M(collab.jupyterhub.hub_config). The module reports whether the hub has it.
    type: str
    default: 50-rtc
  people:
    description: Two existing users to use instead of creating new ones, each with C(name) and either C(password) or C(token). They are
      not deleted.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the hub user.
        type: str
        required: true
      password:
        description: The password for the hub's login form.
        type: str
      token:
        description: An API token of the user with all of their permissions, for a hub without such a form.
        type: str
  group:
    description: The system group that the created accounts join. Defaults to the first group that the hub's authenticator allows.
    type: str
  usual_group:
    description:
      - The group to use if neither O(group) nor the hub's authenticator names one. Ignored if it does not exist on the host. A spawner
        may require it to start servers.
    type: str
    version_added: 1.1.0
  account_names:
    description: The template for the names of users' accounts, in which C({USERNAME}) stands for the name of the user.
    type: str
    default: "{USERNAME}"
  state_directory:
    description: The directory in which servers keep state.
    type: path
  shared_users:
    description: The hub users of shared accounts.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  access:
    description: The access matrix. The action plugin of this module sets this option.
    type: dict
    default: {}
  start_seconds:
    description: How long a server may take to start, in seconds.
    type: float
    default: 60
  report:
    description: The file on the controller to which the action plugin of this module writes the report, as JSON.
    type: path
  package:
    description: The files of the Python package. The action plugin of this module sets this option.
    type: dict
    default: {}
attributes:
  check_mode:
    support: none
    description: Skipped, because verification needs real users.
  diff_mode:
    support: none
    description: Undoes all of its changes.
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Verify the hub
  collab.jupyterhub.hub_verify:
    path: /usr/local/etc/jupyter/jupyterhub_config.py
"""

RETURN = r"""
rows:
  description:
    - The checks, in order. C(check) is the name, C(result) is V(ok), V(failed), V(warning) or V(skipped), C(says) is the explanation,
      and C(measured) contains measurements by name, such as C(median_ms) and C(seconds).
  type: list
  elements: dict
  returned: always
  sample:
    - {check: the hub answers, result: ok, says: "JupyterHub 6.1.1 at https://hub.example.org.", measured: {}}
hub:
  description: The version of the hub, the address at which it was verified, and whether it has O(fragment).
  type: dict
  returned: always
  sample: {version: 6.1.1, url: "https://hub.example.org", configured: true}
seconds:
  description: How long the verification took, including the cleanup.
  type: float
  returned: always
log:
  description: The last lines of output of the process that ran the checks, if it ended early.
  type: list
  elements: str
  returned: always
"""

import contextlib
import datetime
import os
import secrets
import time
from typing import Any
from urllib.parse import quote, urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import accounts, config_block
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import NoSystemd, show
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import (
    address,
    dry_run,
    health,
    loaded,
    proxy,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.api import HubApi, NoAnswer
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.connection import Impostor
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.errors import Failed, Refused
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.live import LiveHub
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import HubPackage
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.process import (
    HubNotFound,
    hub_surroundings,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.projects.state import Projects
from ansible_collections.collab.jupyterhub.plugins.module_utils.verify import process as verify_process
from ansible_collections.collab.jupyterhub.plugins.module_utils.verify import side_doors
from ansible_collections.collab.jupyterhub.plugins.module_utils.verify.undo import (
    COMMENT,
    SCOPES,
    Undo,
    watched,
)

HUB_SECONDS = 30
LOG_LINES = 30
# Variables to pass to the process that runs the checks. The rest of the hub's environment may contain secrets.
PASSED_ON = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "SSL_CERT_FILE")
# Nobody can log in to the created accounts after this time, even if the cleanup never runs.
EXPIRES = datetime.timedelta(days=2)


class Verification:
    """A verification of one hub."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.params = module.params
        self.unit = show(host_state.name_of(module.params["service"]))
        if not self.unit.running:
            raise Refused(
                f"the hub is not running. Start {self.unit.name}, or set jupyterhub_verify_service to the unit that runs it"
            )
        self.package = HubPackage(module.params["package"])
        self.live = LiveHub(self.unit.name, self.package, HUB_SECONDS, 0, module.warn)
        self.stamp = f"verify-{secrets.token_hex(3)}"
        self.rows: list[dict[str, Any]] = []
        self.log: list[str] = []
        self.hub: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        begun = time.monotonic()
        undo = Undo.recall(self.unit.name)
        with watched(lambda: self.undo(Undo.recall(self.unit.name))):
            try:
                self.prepare(undo)
                self.verify(undo)
            finally:
                left = self.undo(undo)
        if left:
            says = f"Not removed: {'; '.join(left)}. Run verify again, or remove them manually."
            self.add("everything that verify created is removed", "failed", says)
        else:
            self.add(
                "everything that verify created is removed",
                "ok",
                "Accounts, hub users, servers, shares and files.",
            )
        configured = host_state.recall(f"{self.unit.name}.json")
        hub = {
            "version": health.version(self.hub["api_url"], show(self.unit.name)) or "",
            "url": self.url,
            "configured": self.params["fragment"] in configured.get("runs_with", {}),
        }
        seconds = round(time.monotonic() - begun, 1)
        return {"hub": hub, "rows": self.rows, "seconds": seconds, "log": self.log}

    def add(self, check: str, result: str, says: str) -> None:
        self.rows.append({"check": check, "result": result, "says": says, "measured": {}})

    # Before

    def prepare(self, undo: Undo) -> None:
        """Describe the hub, and clean up after an interrupted run. Raises Refused and NoAnswer."""
        was_cut_off = bool(undo.what)
        self.install(undo)
        self.hub = self.describe()
        # Check this before any password is sent to that address.
        if usurpers := proxy.usurpers(self.hub, self.unit):
            raise Refused(usurpers[0])
        if was_cut_off:
            if left := self.undo(undo):
                raise Refused(f"failed to clean up after an interrupted run: {'; '.join(left)}")
            self.install(undo)

    def install(self, undo: Undo) -> None:
        """Install the Python package, unless a configuration change has installed it already."""
        if not os.path.isdir(self.package.path):
            undo.set("package", self.package.path)
            self.package.install()

    def describe(self) -> dict[str, Any]:
        """Return the hub as its configuration describes it (see `jupyterhub_collab.hub.dry_run`). Raises Refused."""
        main = config_block.python_file(self.params["path"])
        return dry_run.DryRun(self.package, self.unit, main, config_block.fragments_directory(main)).of_now()

    def verify(self, undo: Undo) -> None:
        """Create the users, and run all checks."""
        undo.set("state_directory", self.params["state_directory"] or "")
        self.look_at_side_doors()
        with self.live.api(self.hub, *SCOPES) as api:
            task = {
                "url": self.url,
                "is_local": not self.params["url"],
                "stamp": self.stamp,
                "start_seconds": self.params["start_seconds"],
                **self.params["access"],
                **self.people(api, undo),
            }
            self.go_through(task, undo)

    def look_at_side_doors(self) -> None:
        """Check what accounts on the host can get from deleted accounts, and which process answers at the hub's addresses."""
        health.version(self.hub["api_url"], self.unit)  # raises Impostor
        says = f"{self.unit.name} listens on {self.hub['api_url']}, and no user's account listens where its proxy does."
        self.add("the hub itself answers at its addresses", "ok", says)
        problems = side_doors.reused_groups() + side_doors.left_to_others(
            self.params["state_directory"] or ""
        )
        says = "No account or group has a UID or GID of a deleted one that still has access."
        self.add(
            "UIDs and GIDs are not reused",
            *(("failed", f"{'; '.join(problems)}.") if problems else ("ok", says)),
        )
        if closed := side_doors.closed_workspaces(self.unit.name):
            self.add("workspaces are open to their members", "failed", f"{'; '.join(closed)}.")
        template = self.params["account_names"]
        shared = [accounts.account_of(user, template) for user in self.params["shared_users"]]
        projects = [made["account"] for made in Projects(self.unit.name).all.values()]
        if jobs := side_doors.jobs(sorted({*shared, *projects})):
            says = (
                f"{'; '.join(jobs)}. Anyone who had access to its server may have created them, and they continue when access ends. "
                "Check them"
            )
            self.add("jobs of shared accounts", "warning", f"{says}.")

    @property
    def url(self) -> str:
        """The URL of the hub, without a trailing slash."""
        given = self.params["url"]
        return address.here(given, urlsplit(given).path) if given else address.of_proxy(self.hub)

    # People

    def people(self, api: HubApi, undo: Undo) -> dict[str, Any]:
        """Return the users for the checks. Create them if none are configured. Raises NoAnswer and Refused."""
        if given := self.params["people"]:
            undo.set("people", [each["name"] for each in given])
            why = "jupyterhub_verify_accounts is set, so no other account was created."
            people = [{**each, "made": False} for each in given]
            by_token = "jupyterhub_verify_accounts has tokens instead of passwords."
            login = by_token if any(each["token"] for each in given) else ""
            return {"people": people, "outsider": None, "no_outsider": why, "login": login}
        admission = self.hub["admission"]
        groups = self.groups(admission)
        names = [f"{self.stamp}-{letter}" for letter in "ab"]
        undo.set("people", names)
        people = [{"name": name, "password": self.make_account(name, groups, undo)} for name in names]
        for each in people:
            undo.note("users", each["name"])
            status, said = api.request("POST", f"/users/{quote(each['name'])}")
            if status != 201:
                raise NoAnswer(
                    f"it answered {status} to the request for a new user: {(said or {}).get('message') or 'no reason given'}"
                )
        login = ""
        if not admission["accounts"]:
            login = f"Users log in with {self.hub['authenticator']}, which does not know accounts that are created on the host."
            for each in people:
                body = {"note": self.stamp, "expires_in": 600}
                status, said = api.request("POST", f"/users/{quote(each['name'])}/tokens", body)
                if status != 201:
                    raise NoAnswer(
                        f"it answered {status} to the request for a token: {(said or {}).get('message') or 'no reason given'}"
                    )
                each["token"] = said["token"]
        return {
            "people": [{**each, "made": True} for each in people],
            "login": login,
            **self.outsider(admission, login, undo),
        }

    def groups(self, admission: dict[str, Any]) -> list[str]:
        """Return the group that new accounts join to be admitted, or nothing. Raises Refused if they cannot join any."""
        usual = self.params["usual_group"]
        named = admission["groups"] or ([usual] if usual and accounts.is_local_group(usual) else [])
        if self.params["group"]:
            named = [self.params["group"]]
        local = [name for name in named if accounts.is_local_group(name)]
        if local or not named:
            return local[:1]
        if not accounts.group_exists(named[0]):
            raise Refused(
                f"the group {named[0]} does not exist on this host. Set jupyterhub_verify_group to a group whose members can use the hub"
            )
        raise Refused(
            f"the group {named[0]} is not defined on this host (but in LDAP, for example), so new accounts cannot join it. Name two users "
            "in jupyterhub_verify_accounts, or set jupyterhub_verify_group to a group of this host whose members can use the hub"
        )

    def outsider(self, admission: dict[str, Any], login: str, undo: Undo) -> dict[str, Any]:
        """Return a host account without access to the hub, or why there is none."""
        if login or admission["everyone"]:
            why = login or "The hub admits everyone who has an account on its host."
            return {"outsider": None, "no_outsider": why}
        name = f"{self.stamp}-c"
        # If the hub admits the account by mistake, it creates a user for it.
        undo.note("users", name)
        password = self.make_account(name, [], undo)
        return {"outsider": {"name": name, "password": password}, "no_outsider": ""}

    def make_account(self, user: str, groups: list[str], undo: Undo) -> str:
        """Create a host account for a hub user, and return its password. Raises Refused if the account exists."""
        name = accounts.account_of(user, self.params["account_names"])
        # The cleanup must never remove an existing account: a hub may run all servers as one account.
        if accounts.describe_account(name)["exists"]:
            raise Refused(
                f"the servers of this hub run as the existing account {name}. Name two users in jupyterhub_verify_accounts"
            )
        undo.note("accounts", name)
        password = secrets.token_urlsafe(24)
        expires = (datetime.datetime.now(tz=datetime.UTC) + EXPIRES).date().isoformat()
        options = ["--groups", ",".join(groups)] if groups else []
        self.module.run_command(
            [
                *("useradd", "--create-home", "--comment", COMMENT, "--expiredate", expires),
                *("--shell", "/usr/sbin/nologin", "--key", "HOME_MODE=0700", *options, name),
            ],
            check_rc=True,
        )
        self.module.run_command(["chpasswd"], data=f"{name}:{password}", check_rc=True)
        return password

    # The checks

    def go_through(self, task: dict[str, Any], undo: Undo) -> None:
        """Run the package's checks, add their rows to the report, and record what to undo."""

        def take(said: dict[str, Any]) -> None:
            if "row" in said:
                self.rows.append(said["row"])
            for kind, value in said.get("undo", {}).items():
                self.note(undo, kind, value)

        surroundings = hub_surroundings(self.unit)
        why, output = verify_process.run(
            loaded.command(self.package, self.unit, "verification", part="verify"),
            {
                **surroundings,
                "env": {name: value for name, value in surroundings["env"].items() if name in PASSED_ON},
            },
            task,
            lambda number: undo.set("process", number),
            take,
        )
        if why:
            self.log = output.strip().splitlines()[-LOG_LINES:]
            self.add("verify completes", "failed", f"{why}.{' See `log` for more.' if self.log else ''}")

    def note(self, undo: Undo, kind: str, value: Any) -> None:
        if kind == "file":
            owner, name = value
            account = accounts.account_of(owner, self.params["account_names"])
            undo.note("files", [account, name.partition(".")[0]])
        elif kind == "server":
            undo.note("servers", [value, time.time()])
        else:
            undo.note(f"{kind}s", value)

    # After

    def undo(self, undo: Undo) -> list[str]:
        """Undo everything that was recorded, and return what could not be undone."""

        def visitors() -> list[dict[str, Any]]:
            return list(self.live.held(self.hub)["visitors"])

        with contextlib.ExitStack() as stack:
            api = None
            with contextlib.suppress(NoAnswer, Refused):
                # The process that cleans up after a killed run does not know the hub yet.
                self.hub = self.hub or self.describe()
                api = stack.enter_context(self.live.api(self.hub, *SCOPES))
            main = config_block.python_file(self.params["path"])
            return undo.run(api, visitors, host_state.fragments(main))


def main() -> None:
    os.umask(0o022)  # new files get their intended mode, even with a strict umask
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "service": {"type": "str", "default": "jupyterhub"},
            "url": {"type": "str"},
            "fragment": {"type": "str", "default": "50-rtc"},
            "people": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "password": {"type": "str", "no_log": True},
                    "token": {"type": "str", "no_log": True},
                },
                "required_one_of": [("password", "token")],
            },
            "group": {"type": "str"},
            "usual_group": {"type": "str"},
            "account_names": {"type": "str", "default": accounts.USERNAME},
            "state_directory": {"type": "path"},
            "shared_users": {"type": "list", "elements": "str", "default": []},
            "access": {"type": "dict", "default": {}},
            "start_seconds": {"type": "float", "default": 60},
            "report": {"type": "path"},
            "package": {"type": "dict", "default": {}},
        },
    )
    try:
        with host_state.lock():
            result = Verification(module).run()
    except (Refused, Failed, NoAnswer, Impostor, NoSystemd, HubNotFound, host_state.Unusable) as error:
        module.fail_json(msg=f"Failed to verify the hub: {error}.")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
