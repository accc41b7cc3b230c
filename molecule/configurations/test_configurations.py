# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's fragment on configurations as administrators write them, one real hub started for each.

Each file of `configurations` is put on the hub, the fragment is applied to it and taken away again. Whatever is not
ours is the same before and after, ours is in force meanwhile, and the file is in the end byte for byte what it was.
That is so of a few of them, each of another kind, and with COLLAB_ALL=1 of all on JupyterHub 5; tests/unit/hub/test_configurations.py
has all of them load in memory.
"""

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from configurations import (
    BESIDE,
    DIRECTORY,
    LOG,
    MERGED,
    PEOPLE,
    REFUSED,
    SHARER,
    STARTS,
    Record,
    assert_merged,
    content_of,
    program,
)
from modules import Done, call, copy
from people import Hub, LoginRefused, Person
from scenario import Platform, wait_until

FRAGMENTS = f"{DIRECTORY}/jupyterhub_collab.d"
MAIN = f"{DIRECTORY}/jupyterhub_config.py"
DATABASE = "/var/lib/jupyterhub/jupyterhub.sqlite"
PYTHON = "/usr/local/jupyterhub/bin/python"


@dataclass
class Tried:
    """What became of a hub with one configuration."""

    file: bytes
    before: Record
    applied: Done
    after: Record | None = None
    removed: Done | None = None
    left: dict[str, bytes] = field(default_factory=dict)


class Host:
    """One platform, whose hub gets one configuration after another."""

    def __init__(self, platform: Platform) -> None:
        self.name = platform.name
        self.url = f"http://{platform.address}:8000"
        self.fragments: dict[str, str] = {}

    def run(self, *command: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            ["podman", "exec", "--interactive", self.name, *command],
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def prepare(self) -> None:
        """Bring what the tests need, and take what the play has made of the fragments."""
        for name in ("50-rtc", "60-sharing"):
            content = self.run("cat", f"/root/fragments/{name}.py").decode()
            package = r"/usr/local/lib/collab\.jupyterhub/[0-9a-f]{12}"
            self.fragments[name] = re.sub(package, "@PACKAGE@", content)
        self.run("chpasswd", given=f"shared:{PEOPLE['shared']}".encode())
        copy(BESIDE, self.name, DIRECTORY)

    def start(self, main: bytes) -> None:
        """Start the hub anew with a configuration, and without what the one before has left in its database."""
        gone = f"{DATABASE} {FRAGMENTS} /var/lib/collab.jupyterhub"
        self.run("sh", "-c", f"systemctl stop jupyterhub; rm -rf {gone}; cat >{MAIN}", given=main)
        self.run("systemctl", "start", "jupyterhub")
        wait_until(self.answers, timeout=90)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/hub/api/", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def hub_config(self, **arguments: Any) -> Done:
        return call("hub_config", self.name, path=MAIN, fragment="50-rtc", settle=0, timeout=120, **arguments)

    def record(self, shares: bool = False, starts: bool = False) -> Record:
        """Let people do what they can, and write down what the hub is told and holds."""
        self.run("rm", "-f", LOG)
        with Hub(self.url) as hub:
            people = {}
            for name, password in PEOPLE.items():
                with contextlib.suppress(LoginRefused):
                    people[name] = hub.login(name, password)
            scopes = {
                name: set(person.api("GET", "/hub/api/user").json()["scopes"])
                for name, person in people.items()
            }
            page = sharing_page(people[SHARER]) if shares else ""
            process = self.start_and_stop(people[SHARER]) if starts else ""
        log = self.run("sh", "-c", f"cat {LOG} 2>/dev/null || true").decode().splitlines()
        recorded = json.loads(self.run(PYTHON, "-", MAIN, DATABASE, given=program()))
        return Record(recorded["settings"], recorded["held"], scopes, log, process, page)

    def start_and_stop(self, person: Person) -> str:
        """Return the arguments and the environment of someone's server, which is gone again."""
        person.start(person.name)
        found = f"cat $(pgrep -u {person.name} -f singleuser | sed 's,.*,/proc/&/cmdline /proc/&/environ,')"
        process = self.run("sh", "-c", found).decode().replace("\0", "\n")
        person.stop(person.name)
        return process

    def files(self) -> dict[str, bytes]:
        """The main file and what is beside it of ours."""
        paths = (
            self.run("sh", "-c", f"ls -d {MAIN} {DIRECTORY}/*collab* 2>/dev/null || true").decode().split()
        )
        return {path: self.run("cat", path) if path == MAIN else b"" for path in paths}

    def try_with(self, name: str) -> Tried:
        """Start the hub with a configuration, apply the fragment to it, and take it away again."""
        if not self.fragments:
            self.prepare()
        file = content_of(name)
        self.start(file)
        ours = {"content": self.fragments["50-rtc"], "others": {"60-sharing": self.fragments["60-sharing"]}}
        tried = Tried(file, self.record(), self.hub_config(**ours))
        if not tried.applied.code:
            tried.after = self.record(shares=True, starts=name in STARTS)
            # At rest, which is enough to see what is left; scenario removal has hubs that run.
            self.run("systemctl", "stop", "jupyterhub")
            tried.removed = self.hub_config(state="absent", others={"60-sharing": ""})
        tried.left = self.files()
        return tried


def sharing_page(person: Person) -> str:
    """What someone sees there, once the proxy has been told of it."""
    wait_until(lambda: person.page("/services/sharing/").status == 200)
    return person.page("/services/sharing/").text


@pytest.fixture(scope="session")
def tried(request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, str], Future[Tried]]]:
    """Every configuration on every platform: a hub takes one after another, and the platforms work side by side."""
    asked = {}
    for item in request.session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "name" in parameters:
            asked[parameters["platform"], parameters["name"]] = True
    hosts = {platform: Host(platform) for platform, _name in asked}
    workers = {platform: ThreadPoolExecutor(max_workers=1) for platform in hosts}
    yield {
        (platform.name, name): workers[platform].submit(hosts[platform].try_with, name)
        for platform, name in asked
    }
    for worker in workers.values():
        worker.shutdown(cancel_futures=True)


@pytest.fixture
def hub_with(platform: Platform, name: str, tried: dict[tuple[str, str], Future[Tried]]) -> Tried:
    """What became of the platform's hub with a configuration."""
    return tried[platform.name, name].result()


@pytest.mark.parametrize("name", MERGED)
def test_ours_is_in_force_and_theirs_is_as_it_was(name: str, hub_with: Tried) -> None:
    """Requirement B1."""
    assert hub_with.after, hub_with.applied.told
    assert_merged(name, hub_with.before, hub_with.after)
    assert "do not keep passwords or keys on a shared server" in hub_with.after.page

    # And all of it comes out again.
    assert hub_with.removed
    assert not hub_with.removed.code, hub_with.removed.told
    assert "warnings" not in hub_with.removed.told
    assert hub_with.left == {MAIN: hub_with.file}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_merged_is_refused(name: str, hub_with: Tried) -> None:
    """In one sentence, and nothing has changed."""
    assert hub_with.applied.code
    assert REFUSED[name] in hub_with.applied.message
    assert hub_with.applied.message.endswith("Nothing was changed.")
    assert hub_with.left == {MAIN: hub_with.file}


@pytest.mark.parametrize("name", ["templates"])
def test_sharing_page_has_the_look_of_the_hub(hub_with: Tried) -> None:
    """Templates and variables of the administrator's, of which some ask for what only the hub's own pages have."""
    assert hub_with.after
    assert "The hub is away on Sunday." in hub_with.after.page
    assert "<p>The hub of physics, </p>" in hub_with.after.page
