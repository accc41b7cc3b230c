# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies the role's fragment to configurations as administrators write them, and starts a real hub for each.

For each file of `configurations`, the hub is started with it, the fragment is applied, and removed again. Everything that is not
ours is the same before and after, ours is in force in between, and the file ends up unchanged, byte for byte.
A few run here, each of another kind, on JupyterHub 5 and 6. tests/unit/hub/test_configurations.py loads all of them in memory.
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

import plain_http
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
    """The results of one configuration: before the fragment was applied, with it, and after it was removed."""

    file: bytes
    before: Record
    applied: Done
    after: Record | None = None
    removed: Done | None = None
    left: dict[str, bytes] = field(default_factory=dict)


class Host:
    """A platform whose hub gets one configuration after another."""

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
        """Copy what the tests need, and read the fragments that the play has written."""
        for name in ("50-rtc", "60-sharing"):
            content = self.run("cat", f"/root/fragments/{name}.py").decode()
            package = r"/usr/local/lib/collab\.jupyterhub/[0-9a-f]{12}"
            self.fragments[name] = re.sub(package, "@PACKAGE@", content)
        self.run("chpasswd", given=f"shared:{PEOPLE['shared']}".encode())
        copy(BESIDE, self.name, DIRECTORY)

    def start(self, main: bytes) -> None:
        """Restart the hub with a configuration, without what the previous one left in its database."""
        gone = f"{DATABASE} {FRAGMENTS} /var/lib/collab.jupyterhub"
        self.run("sh", "-c", f"systemctl stop jupyterhub; rm -rf {gone}; cat >{MAIN}", given=main)
        self.run("systemctl", "start", "jupyterhub")
        wait_until(self.answers, timeout=90)

    def answers(self) -> bool:
        try:
            return plain_http.get(f"{self.url}/hub/api/").status_code == 200
        except httpx.TransportError:
            return False

    def hub_config(self, **arguments: Any) -> Done:
        return call("hub_config", self.name, path=MAIN, fragment="50-rtc", settle=0, timeout=120, **arguments)

    def record(self, shares: bool = False, starts: bool = False) -> Record:
        """Let people do what they can, and record the hub's settings, what it holds, and the results."""
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
        """Start a person's server, stop it, and return its arguments and its environment."""
        person.start(person.name)
        found = f"cat $(pgrep -u {person.name} -f singleuser | sed 's,.*,/proc/&/cmdline /proc/&/environ,')"
        process = self.run("sh", "-c", found).decode().replace("\0", "\n")
        person.stop(person.name)
        return process

    def files(self) -> dict[str, bytes]:
        """Return the content of the main file, and the paths of our files next to it."""
        paths = (
            self.run("sh", "-c", f"ls -d {MAIN} {DIRECTORY}/*collab* 2>/dev/null || true").decode().split()
        )
        return {path: self.run("cat", path) if path == MAIN else b"" for path in paths}

    def try_with(self, name: str) -> Tried:
        """Start the hub with a configuration, apply the fragment, and remove it again."""
        if not self.fragments:
            self.prepare()
        file = content_of(name)
        self.start(file)
        ours = {"content": self.fragments["50-rtc"], "others": {"60-sharing": self.fragments["60-sharing"]}}
        tried = Tried(file, self.record(), self.hub_config(**ours))
        if not tried.applied.code:
            tried.after = self.record(shares=True, starts=name in STARTS)
            # On a stopped hub, which is enough to see what is left. Scenario removal tests running hubs.
            self.run("systemctl", "stop", "jupyterhub")
            tried.removed = self.hub_config(state="absent", others={"60-sharing": ""})
        tried.left = self.files()
        return tried


def sharing_page(person: Person) -> str:
    """Return what a person sees there, once the proxy has the route."""
    wait_until(lambda: person.page("/services/sharing/").status == 200)
    return person.page("/services/sharing/").text


@pytest.fixture(scope="session")
def tried(request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, str], Future[Tried]]]:
    """Run every configuration on every platform: one after another on each hub, and the platforms in parallel."""
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
    """Return the results of a configuration on the platform's hub."""
    return tried[platform.name, name].result()


@pytest.mark.parametrize("name", MERGED)
def test_ours_is_in_force_and_theirs_is_as_it_was(name: str, hub_with: Tried) -> None:
    """Requirement B1: our settings are in force, and the administrator's are as before."""
    assert hub_with.after, hub_with.applied.told
    assert_merged(name, hub_with.before, hub_with.after)
    assert "do not keep passwords or keys on a shared server" in hub_with.after.page

    # Removal restores the file.
    assert hub_with.removed
    assert not hub_with.removed.code, hub_with.removed.told
    assert "warnings" not in hub_with.removed.told
    assert hub_with.left == {MAIN: hub_with.file}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_merged_is_refused(name: str, hub_with: Tried) -> None:
    """A configuration that cannot be merged is refused in one sentence, and nothing changes."""
    assert hub_with.applied.code
    assert REFUSED[name] in hub_with.applied.message
    assert hub_with.applied.message.endswith("Nothing was changed.")
    assert hub_with.left == {MAIN: hub_with.file}


@pytest.mark.parametrize("name", ["templates"])
def test_sharing_page_has_the_look_of_the_hub(hub_with: Tried) -> None:
    """The page uses the administrator's templates and variables, even those that need what only the hub's own pages have."""
    assert hub_with.after
    assert "The hub is away on Sunday." in hub_with.after.page
    assert "<p>The hub of physics, </p>" in hub_with.after.page
