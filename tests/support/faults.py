# SPDX-License-Identifier: GPL-3.0-or-later
"""Support for the scenario `faults`: a hub that alice is working on, changes that go wrong, and checks of what happened to the hub."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from testinfra.host import Host

from people import Document
from scenario import INVENTORY, ROOT, Platform, Play, play, wait_until

UNIT = "jupyterhub-lab"
DIRECTORY = "/usr/local/etc/jupyter"
MAIN = f"{DIRECTORY}/jupyterhub_config.py"
FRAGMENT = f"{DIRECTORY}/jupyterhub_collab.d/60-probe.py"
STATE = "/var/lib/collab.jupyterhub"
PYTHON = "/usr/local/jupyterhub/bin/python"
UV = "/usr/local/lib/collab.jupyterhub/uv/bin/uv"
KILLERS = "/usr/local/lib/killed-at"
RESULTS = ROOT / ".cache/results/faults.json"

# Scopes that nobody has otherwise. A change replaces one with the other for bob.
SCOPES = ("list:users", "read:hub")
ROLE = "probe"


def fragment(scope: str, *lines: str) -> str:
    """Return a configuration fragment that gives bob one scope, followed by further lines."""
    role = {"name": ROLE, "users": ["bob"], "scopes": [scope]}
    return "\n".join((f"c.JupyterHub.load_roles.append({json.dumps(role)})", *lines, ""))


def change_of(content: str, **options: Any) -> dict[str, Any]:
    """Return arguments of the module `hub_config` for a fragment that comes after the roles' own."""
    return {
        "service": UNIT,
        "path": MAIN,
        "fragment": "60-probe",
        "content": content,
        "timeout": 120,
        "settle": 0.2,
        **options,
    }


@dataclass(frozen=True)
class Run:
    """The exit code and result of a module."""

    code: int
    result: dict[str, Any]

    @property
    def refusal(self) -> str:
        """The error message of a module that failed."""
        assert self.code != 0, self.result
        return str(self.result["msg"])

    @property
    def changed(self) -> bool:
        assert self.code == 0, self.result
        return bool(self.result["changed"])


@dataclass(frozen=True)
class Sight:
    """The state of the host, as look_at_hub.py reports it."""

    files: dict[str, list[Any]]  # path -> mode, owner, group and checksum of files that a change may touch
    roles: dict[str, list[Any]]  # role -> scopes and users, from the hub's database
    invocation: str  # systemd's ID of the hub's current run
    servers: list[int]  # the processes of alice's server
    answers: bool  # whether the hub answers

    @property
    def configuration(self) -> dict[str, list[Any]]:
        return {path: seen for path, seen in self.files.items() if path.startswith(DIRECTORY)}

    def with_scope(self, scope: str) -> dict[str, list[Any]]:
        """Return the roles as they are when bob has this scope."""
        return self.roles | {ROLE: [[scope], ["bob"]]}


@dataclass
class Site:
    """A host with a hub, on which alice is working in an open document and playbooks are run."""

    host: Host
    platform: Platform
    document: Document
    usual_files: set[str] = field(default_factory=set)

    def look(self) -> Sight:
        return Sight(**json.loads(self.host.check_output(f"python3 /root/look_at_hub.py {UNIT}")))

    @property
    def scope(self) -> str:
        """The scope that bob has, one of the two."""
        return str(self.look().roles[ROLE][0][0])

    @property
    def other_scope(self) -> str:
        return SCOPES[1 - SCOPES.index(self.scope)]

    def play(self, *options: str, **variables: Any) -> Play:
        return play("jupyter_rtc", self.platform.name, *options, jupyterhub_rtc_service=UNIT, **variables)

    @contextmanager
    def running(
        self, module: str, arguments: dict[str, Any], python: str
    ) -> Iterator["subprocess.Popen[str]"]:
        """Start a module of the collection with an interpreter of the host, and yield its process."""
        inventory = INVENTORY | {"ansible_python_interpreter": python}
        command = ["ansible", self.platform.name, f"--inventory={self.platform.name},"]
        command += ["--extra-vars", json.dumps(inventory)]
        command += [f"--module-name=collab.jupyterhub.{module}", "--args", json.dumps(arguments)]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"NO_COLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
            start_new_session=True,  # so that it can be killed together with its children
        ) as process:
            yield process

    def module(self, module: str, arguments: dict[str, Any], python: str = "/usr/bin/python3") -> Run:
        """Run a module of the collection, and wait until it ends."""
        with self.running(module, arguments, python) as process:
            output = process.communicate()[0]
        return Run(process.returncode, json.loads(output.partition(" => ")[2] or "{}"))

    def change(self, content: str, **options: Any) -> Run:
        """Change the hub's configuration with the module `hub_config`."""
        return self.module("hub_config", change_of(content, **options))

    def kill(self, step: str, module: str, arguments: dict[str, Any]) -> None:
        """Run a module of the collection, and kill its process at a step (see killed_at.py)."""
        self.host.check_output(f"mkdir -p {KILLERS} && ln -sf /root/killed_at.py {KILLERS}/{step}")
        ended = self.module(module, arguments, f"{KILLERS}/{step}")
        assert ended.result.get("rc") == 137, (step, ended)

    def uninstall(self, *packages: str) -> None:
        """Uninstall packages that alice's running server has loaded and does not read again."""
        self.host.check_output(f"{UV} pip uninstall --python {PYTHON} {' '.join(packages)}")

    @contextmanager
    def edited(self, path: str, line: str) -> Iterator[None]:
        """Append a line to a file temporarily."""
        self.host.check_output(f"cp -p {path} /root/edited && echo {shlex.quote(line)} >>{path}")
        yield
        self.host.check_output(f"cp -p /root/edited {path}")

    @contextmanager
    def mounted(self, path: str, what: str) -> Iterator[None]:
        """Mount something on a directory temporarily. `what` is the arguments of `mount`."""
        self.host.check_output(f"mount {what} {path}")
        yield
        self.host.check_output(f"umount {path}")


@dataclass
class Fault:
    """One fault, which is one row of the table in docs/reference/reliability.md."""

    site: Site
    name: str
    row: dict[str, str] = field(
        default_factory=lambda: {"said": "none: the run is killed"}
    )  # cells by the column names in tests/tools/reliability.py

    @contextmanager
    def survived(self, asked_for: str | None = None) -> Iterator[None]:
        """Check that the hub survives what happens in the block: alice continues to work, the hub answers, and nobody has excess rights.

        Configuration and roles must be as before. If `asked_for` names the scope that a run was to give bob, the run may also have
        come far enough for bob to have it.
        """
        site = self.site
        before = site.look()
        assert before.answers and before.servers, before
        site.document.append(f"typed during the fault: {self.name}\n")
        yield
        wait_until(lambda: site.look().answers, 120)
        after = site.look()
        self.see_people(before, after)
        if asked_for is None:
            assert after.configuration == before.configuration
            assert after.roles == before.roles
        else:
            assert after.roles in (before.roles, before.with_scope(asked_for))
        how = "keeps running" if after.invocation == before.invocation else "was restarted"
        self.row["hub"] = f"{how}, roles as {'before' if after.roles == before.roles else 'requested'}"

    def see_people(self, before: Sight, after: Sight) -> None:
        """Check that alice's server is the same process, her document is open, and the text she typed is on disk."""
        assert after.servers == before.servers
        document = self.site.document
        assert document.closed_by_server is None
        file = self.site.host.file("/home/alice/open.txt")
        wait_until(lambda: file.content_string == document.text, 60)
        self.row["people"] = "same processes, documents open"

    def see_restart(self, before: Sight, after: Sight, everyone: set[str]) -> None:
        """Check that the hub was restarted, and that of the two modes' scopes to open servers, role user has exactly these."""
        assert after.answers
        assert after.invocation != before.invocation
        scopes, _users = after.roles["user"]  # the role that everyone holds
        assert {"access:servers", "access:servers!server=shared/"} & {*scopes} == everyone
        self.row["hub"] = "was restarted, roles as requested"

    def converges(self, scope: str) -> None:
        """Check that without the cause, the next run reaches the desired state, and the run after it changes nothing."""
        site = self.site
        before = site.look()
        changed = site.change(fragment(scope)).changed
        after = site.look()
        self.see_people(before, after)
        assert after.answers
        assert after.roles == before.with_scope(scope)
        if changed:
            assert not site.change(fragment(scope)).changed
        assert after.files.keys() == site.usual_files
        self.row["next"] = "makes changes, then nothing to do" if changed else "nothing to do"
        self.record()

    def converges_by_play(self, *gone: str, **variables: Any) -> None:
        """Check the same with the whole play, in the hub's current mode. `gone` are the usual files that this mode does not have."""
        site = self.site
        before = site.look()
        first = site.play(**variables)
        assert first.code == 0, first.output
        second = site.play(**variables)
        assert (second.code, second.changed) == (0, 0), second.output
        after = site.look()
        self.see_people(before, after)
        assert after.answers
        assert after.files.keys() == site.usual_files - {*gone}
        self.row["next"] = "makes changes, then nothing to do" if first.changed else "nothing to do"
        self.record()

    def record(self) -> None:
        """Add the row to this run's table."""
        rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        self.row["said"] = re.sub(r"\bprocess \d+", "process PID", self.row["said"])  # differs in each run
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(rows | {self.name: self.row}, indent=1) + "\n")
