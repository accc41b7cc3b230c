# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario `faults` works with: a hub that alice works on, changes of it that go wrong, and what became of it."""

import json
import os
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

# Rights that nobody has by another way. A change replaces one by the other for bob.
SCOPES = ("list:users", "read:hub")
ROLE = "probe"


def fragment(scope: str, *lines: str) -> str:
    """A fragment of configuration that gives bob one right and, with more lines, does something else besides."""
    role = {"name": ROLE, "users": ["bob"], "scopes": [scope]}
    return "\n".join((f"c.JupyterHub.load_roles.append({json.dumps(role)})", *lines, ""))


def change_of(content: str, **options: Any) -> dict[str, Any]:
    """The arguments of module `hub_config` for a fragment that comes after the roles' own."""
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
    """What one module ended with."""

    code: int
    result: dict[str, Any]

    @property
    def refusal(self) -> str:
        """What the module says to the person who runs the play."""
        assert self.code != 0, self.result
        return str(self.result["msg"])

    @property
    def changed(self) -> bool:
        assert self.code == 0, self.result
        return bool(self.result["changed"])


@dataclass(frozen=True)
class Sight:
    """The host at one moment, as look_at_hub.py sees it."""

    files: dict[str, list[Any]]  # path -> mode, owner, group and checksum of all that a change may touch
    roles: dict[str, list[Any]]  # role -> scopes and users, from the hub's database
    invocation: str  # the identity of the hub's very start
    servers: list[int]  # the processes of alice's server
    answers: bool  # whether the hub does

    @property
    def configuration(self) -> dict[str, list[Any]]:
        return {path: seen for path, seen in self.files.items() if path.startswith(DIRECTORY)}

    def with_scope(self, scope: str) -> dict[str, list[Any]]:
        """The roles as they are when bob has this right."""
        return self.roles | {ROLE: [[scope], ["bob"]]}


@dataclass
class Site:
    """A host with a hub, alice at work in an open document, and someone who runs plays on it."""

    host: Host
    platform: Platform
    document: Document
    usual_files: set[str] = field(default_factory=set)

    def look(self) -> Sight:
        return Sight(**json.loads(self.host.check_output(f"python3 /root/look_at_hub.py {UNIT}")))

    @property
    def scope(self) -> str:
        """Which of the two rights bob has."""
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
        """Run one module of the collection with an interpreter of the host, and go on meanwhile."""
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
            start_new_session=True,  # so that it can be ended with what it has started
        ) as process:
            yield process

    def module(self, module: str, arguments: dict[str, Any], python: str = "/usr/bin/python3") -> Run:
        """Run one module of the collection and wait for its end."""
        with self.running(module, arguments, python) as process:
            output = process.communicate()[0]
        return Run(process.returncode, json.loads(output.partition(" => ")[2] or "{}"))

    def change(self, content: str, **options: Any) -> Run:
        """Let module `hub_config` change the hub's configuration."""
        return self.module("hub_config", change_of(content, **options))

    def kill(self, step: str, module: str, arguments: dict[str, Any]) -> None:
        """Run one module of the collection and have its process killed at a step (see killed_at.py)."""
        self.host.check_output(f"mkdir -p {KILLERS} && ln -sf /root/killed_at.py {KILLERS}/{step}")
        ended = self.module(module, arguments, f"{KILLERS}/{step}")
        assert ended.result.get("rc") == 137, (step, ended)

    def uninstall(self, *packages: str) -> None:
        """Take packages away that alice's server, which has been started with them, does not look at again."""
        self.host.check_output(f"{UV} pip uninstall --python {PYTHON} {' '.join(packages)}")

    @contextmanager
    def edited(self, path: str, line: str) -> Iterator[None]:
        """As long as this lasts, a file has one more line."""
        self.host.check_output(f"cp -p {path} /root/edited && echo {shlex.quote(line)} >>{path}")
        yield
        self.host.check_output(f"cp -p /root/edited {path}")

    @contextmanager
    def mounted(self, path: str, what: str) -> Iterator[None]:
        """As long as this lasts, something else is mounted at a directory: arguments of `mount`."""
        self.host.check_output(f"mount {what} {path}")
        yield
        self.host.check_output(f"umount {path}")


@dataclass
class Fault:
    """One thing that goes wrong, and one row of the table in docs/reference/reliability.md."""

    site: Site
    name: str
    row: dict[str, str] = field(
        default_factory=lambda: {"said": "nothing: it is killed"}
    )  # its cells, as tests/tools/reliability.py has them

    @contextmanager
    def survived(self, asked_for: str | None = None) -> Iterator[None]:
        """Whatever happens meanwhile: alice works on, the hub answers, and nobody has a right too many.

        Afterwards configuration and rights are those from before. Where the right that is `asked_for` is named, the
        run may have come so far that bob has it.
        """
        site = self.site
        before = site.look()
        assert before.answers and before.servers, before
        site.document.append(f"while there is a fault: {self.name}\n")
        yield
        wait_until(lambda: site.look().answers, 120)
        after = site.look()
        self.see_people(before, after)
        if asked_for is None:
            assert after.configuration == before.configuration
            assert after.roles == before.roles
        else:
            assert after.roles in (before.roles, before.with_scope(asked_for))
        how = "goes on" if after.invocation == before.invocation else "was restarted"
        self.row["hub"] = f"{how}, rights as {'before' if after.roles == before.roles else 'asked for'}"

    def see_people(self, before: Sight, after: Sight) -> None:
        """Alice's server is the very process, her document is open, and what she typed is on disk."""
        assert after.servers == before.servers
        document = self.site.document
        assert document.closed_by_server is None
        file = self.site.host.file("/home/alice/open.txt")
        wait_until(lambda: file.content_string == document.text, 60)
        self.row["people"] = "the same processes, documents open"

    def see_restart(self, before: Sight, after: Sight, everyone: set[str]) -> None:
        """The hub was restarted, and everyone has these rights to servers and no others."""
        assert after.answers
        assert after.invocation != before.invocation
        scopes = {scope for role, _users in after.roles.values() for scope in role}
        assert {"access:servers", "access:servers!server=shared/"} & scopes == everyone
        self.row["hub"] = "was restarted, rights as asked for"

    def converges(self, scope: str) -> None:
        """Without the cause, the next run reaches the desired state, and the run after it changes nothing."""
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
        self.row["next"] = "changed, then nothing to do" if changed else "nothing to do"
        self.record()

    def converges_by_play(self, *gone: str, **variables: Any) -> None:
        """The same with a whole play, in the mode that the hub has; gone: files that are not there in it."""
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
        self.row["next"] = "changed, then nothing to do" if first.changed else "nothing to do"
        self.record()

    def record(self) -> None:
        """Put the row into the table of this run."""
        rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(rows | {self.name: self.row}, indent=1) + "\n")
