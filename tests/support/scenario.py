# SPDX-License-Identifier: GPL-3.0-or-later
"""Support for the tests of scenarios: containers, their users, and the collection's playbooks."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from testinfra.host import Host

from people import Hub, LoginRefused, Person, Refused

ROOT = Path(__file__).parents[2]
PASSWORDS: dict[str, str] = {
    person["name"]: person["password"]
    for person in yaml.safe_load((ROOT / "tests/images/people.yml").read_text())["test_people"]
}


@dataclass(frozen=True)
class Platform:
    """One container of a scenario, as its molecule.yml describes it."""

    name: str
    image: str

    @property
    def tag(self) -> str:
        """The tag of the image, such as trixie-hub6."""
        return self.image.partition(":")[2]

    @property
    def suite(self) -> str:
        """The Debian release: bookworm or trixie."""
        return self.tag.partition("-")[0]

    @property
    def address(self) -> str:
        """The IP address at which the test, and a browser on this machine, reach the container."""
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        command = ["podman", "inspect", f"--format={form}", self.name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Credentials:
    """Name and password of a person who is not logged in."""

    name: str
    password: str


NODES = "jupyterhub_nodes"  # containers without a hub, where servers of one run as jobs


@cache
def platforms(scenario: Path) -> list[Platform]:
    """Return the containers of a scenario that have hubs: all, or only the one given by Molecule's --platform-name or its variable."""
    described = yaml.safe_load((scenario / "molecule.yml").read_text())["platforms"]
    only = os.environ.get("MOLECULE_PLATFORM_NAME")
    return [
        Platform(platform["name"], platform["image"])
        for platform in described
        if only in (None, platform["name"]) and NODES not in platform.get("groups", [])
    ]


def keep(config: pytest.Config, items: list[pytest.Item], is_kept: Callable[[dict[str, Any]], bool]) -> None:
    """Keep only tests whose parameters match, and have pytest report how many are deselected."""

    def parameters(item: pytest.Item) -> dict[str, Any]:
        assert isinstance(item, pytest.Function)
        return item.callspec.params

    config.hook.pytest_deselected(items=[item for item in items if not is_kept(parameters(item))])
    items[:] = [item for item in items if is_kept(parameters(item))]


INVENTORY = {
    "ansible_connection": "containers.podman.podman",
    "ansible_pipelining": True,
    "ansible_python_interpreter": "/usr/bin/python3",
    # -E: sudo passes the container's environment variables for downloads to the tasks.
    "ansible_become_flags": "-H -S -n -E",
}


@dataclass(frozen=True)
class Play:
    """The exit code and output of a playbook or module run."""

    code: int
    output: str

    @property
    def changed(self) -> int:
        """The number of tasks that changed something."""
        return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", self.output))

    @property
    def message(self) -> str:
        """The error message of the task that failed."""
        found = re.search(r"^(?:fatal|\[ERROR\]).*?\"msg\": \"((?:[^\"\\]|\\.)*)\"", self.output, re.M | re.S)
        assert found, self.output
        return str(json.loads(f'"{found[1]}"'))

    @property
    def said(self) -> str:
        """The output with all whitespace collapsed to single spaces, to search for sentences."""
        return " ".join(self.output.split())


def play(
    playbook: str, container: str, *options: str, env: dict[str, str] | None = None, **variables: Any
) -> Play:
    """Run `collab.jupyterhub.<playbook>` on a container with these variables."""
    return run_playbook(f"collab.jupyterhub.{playbook}", container, *options, env=env, **variables)


def verified(container: str, report: Path, **variables: Any) -> set[str]:
    """Run the playbook `verify`, and return the checks that passed. No check may fail, and each row must have a text."""
    done = play("verify", container, jupyterhub_verify_report=str(report), **variables)
    assert report.exists(), done.output
    rows = json.loads(report.read_text())["rows"]
    assert [row for row in rows if row["result"] == "failed"] == [], done.output
    assert all(re.search(r"\w", row["says"]) for row in rows)
    return {row["check"] for row in rows if row["result"] == "ok"}


def run_playbook(
    playbook: str | Path, container: str, *options: str, env: dict[str, str] | None = None, **variables: Any
) -> Play:
    """Run any playbook on containers, given as comma-separated names."""
    command = ["ansible-playbook", str(playbook), f"--inventory={container},", *options]
    command += ["--extra-vars", json.dumps(INVENTORY), "--extra-vars", json.dumps(variables)]
    return _run(command, env)


def module(name: str, container: str, *options: str, **arguments: Any) -> Play:
    """Run a module of the collection on a container."""
    return _module(f"collab.jupyterhub.{name}", container, arguments, *options)


def ping(container: str) -> Play:
    """Run Ansible's ping, the least that Ansible can do on a host."""
    return _module("ansible.builtin.ping", container, {})


def _module(name: str, container: str, arguments: dict[str, Any], *options: str) -> Play:
    command = [
        "ansible",
        container,
        f"--inventory={container},",
        "--extra-vars",
        json.dumps(INVENTORY),
        *options,
    ]
    return _run([*command, "--module-name", name, "--args", json.dumps(arguments)])


def _run(command: list[str], env: dict[str, str] | None = None) -> Play:
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"NO_COLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "COLUMNS": "10000"} | (env or {}),
    )
    return Play(done.returncode, done.stdout)


def installed(host: Host, python: str) -> dict[str, str]:
    """Return the packages in a Python environment on the host, by name, with their versions."""
    code = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    return dict(json.loads(host.check_output(f"{python} -c '{code}'")))


def list_files(platform: Platform, output: str) -> None:
    """Write a list of all files on a host, with what is needed to detect changes, into a file on that host."""
    source = ROOT / "molecule/resources/list_files.py"
    subprocess.run(["podman", "cp", str(source), f"{platform.name}:/root/list_files.py"], check=True)
    command = ["podman", "exec", platform.name, "python3", "/root/list_files.py", output]
    subprocess.run(command, check=True)


def changed_files(host: Host, platform: Platform) -> set[str]:
    """Return the paths of files that differ from the host's initial list in /root/files.before."""
    list_files(platform, "/root/files.now")
    difference = host.run_expect([0, 1], "diff /root/files.before /root/files.now").stdout
    return {line[2:].partition("\t")[0] for line in difference.splitlines() if line.startswith(("<", ">"))}


def wait_until(condition: Callable[[], object], timeout: float = 60) -> None:
    """Wait until a condition is true. Raise TimeoutError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the condition was still false after {timeout} s")
        time.sleep(0.2)


def kill_server(host: Host, owner: str) -> None:
    """Kill a user's server and everything that runs in it. The hub notices at its next poll."""
    host.run("pkill -KILL -u %s", owner)
    wait_until(lambda: host.run("pgrep -u %s", owner).rc != 0)
    # In a container, systemd is not notified when the last process of a unit ends, if that was a terminal's shell. It keeps the unit,
    # and SystemdSpawner cannot start a new one with the same name. Stopping the unit makes systemd check it.
    host.run("systemctl stop jupyter-%s-singleuser", owner)


def edit_together(
    first: Person, second: Person, owner: str, host: Host, path: str = "together.txt", account: str = ""
) -> None:
    """Check that two people can edit one text file on a server: both edits reach both people, and the file in the owner's home.

    `account` is the host account, if its name differs from the owner's.
    """
    server = first.open(owner)
    assert server.me()["identity"]["username"] == first.name
    server.write_file(path)
    with server.document(path) as one, second.visit(owner).document(path) as other:
        assert other.server.me()["identity"]["username"] == second.name
        one.insert(0, "from one\n")
        other.wait_until(lambda document: document.text == "from one\n")
        other.insert(0, "from the other\n")
        one.wait_until(lambda document: document.text == "from the other\nfrom one\n")
        file = host.file(f"{host.user(account or owner).home}/{path}")
        wait_until(lambda: file.content_string == "from the other\nfrom one\n")


def keep_out(hub: Hub, owner: str, mallory: Credentials) -> None:
    """Check that people without access to the hub get nowhere: mallory, who has a valid password, and a stranger."""
    with pytest.raises(LoginRefused):
        hub.login(mallory.name, mallory.password)
    for go in (hub.stranger.open, hub.stranger.visit):
        with pytest.raises(Refused):
            go(owner)
    assert hub.stranger.api("POST", f"/hub/api/users/{owner}/server").status_code in (401, 403)
    answer = hub.stranger.api("GET", f"/user/{owner}/api/contents")
    assert answer.status_code in (401, 403) or "/hub/login" in str(answer.url)


@contextmanager
def undisturbed(person: Person, host: Host, account: str = "", *, interrupts: bool = False) -> Iterator[None]:
    """Check that the block restarts the hub by request, not by a signal: the person's server keeps running, and their document stays open.

    `account` is the host account, if its name differs from the person's. `interrupts` says whether the hub stops its proxy, too, so that
    open tabs must reconnect.
    """
    account = account or person.name
    server = person.open(person.name)
    server.write_file("open.txt")
    servers = f"pgrep --uid {account} --full singleuser"
    invocation = "systemctl show jupyterhub --property=InvocationID --value"
    before = host.check_output(servers), host.check_output(invocation)
    with server.document("open.txt") as document:
        yield
        if interrupts:
            document.reconnect()
        assert document.closed_by_server is None
        document.insert(0, "typed after the restart\n")
        file = host.file(f"{host.user(account).home}/open.txt")
        wait_until(lambda: file.content_string == "typed after the restart\n")
    assert host.check_output(servers) == before[0]
    assert host.check_output(invocation) != before[1]


def refuse_password(hub: Hub, host: Host, account: str) -> None:
    """Check that nobody can log in to the hub as this account, even with a valid password."""
    host.check_output("echo %s | chpasswd", f"{account}:a-password")
    try:
        with pytest.raises(LoginRefused):
            hub.login(account, "a-password")
    finally:
        host.check_output("usermod --lock %s", account)
