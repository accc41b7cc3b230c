# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's fragment on configurations as administrators write them, one real hub started for each.

Each file of `configurations` is put on the hub, the fragment is applied to it and taken away again. Whatever is not
ours is the same before and after, ours is in force meanwhile, and the file is in the end byte for byte what it was.
"""

import contextlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible.module_utils
import httpx
import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files

from people import Hub, LoginRefused, Person
from scenario import PASSWORDS, ROOT, Platform, wait_until

SCENARIO = Path(__file__).parent
CONFIGURATIONS = sorted(path.stem for path in SCENARIO.glob("configurations/*.py"))
DIRECTORY = "/usr/local/etc/jupyter"
FRAGMENTS = f"{DIRECTORY}/jupyterhub_collab.d"
MAIN = f"{DIRECTORY}/jupyterhub_config.py"
DATABASE = "/var/lib/jupyterhub/jupyterhub.sqlite"
PYTHON = "/usr/local/jupyterhub/bin/python"
LOG = "/run/hooks.log"
MODULES = "/root/modules"
CALL = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.collab.jupyterhub.plugins.modules.hub_config import main
with patch_module_args(json.load(sys.stdin)):
    main()
"""

# Everybody who tries to log in to every hub; the account's password is one that the host takes.
PEOPLE = PASSWORDS | {"shared": "shared-password"}
OURS = {"servers!server=shared/", "access:servers!server=shared/"}
SHARING = {"shares!user", "read:users:name", "read:groups:name", "access:services!service=sharing"}
SERVICE = "sharing"
SHARER = "alice"  # whom every configuration lets in
ROLE = "collab-accounts"
OUR_HOOKS = {
    "post_auth_hook": "jupyterhub_collab.hub.accounts._refuse.<locals>.post_auth_hook",
    "pre_spawn_hook": "jupyterhub_collab.hub.shares._end_then.<locals>.hook",
    "post_stop_hook": "jupyterhub_collab.hub.shares._end_then.<locals>.hook",
}
OUR_CODE = {
    *OUR_HOOKS.values(),
    "jupyterhub_collab.hub.servers._add_option.<locals>.pre_spawn_hook",
    "jupyterhub_collab.hub.collaboration._then.<locals>.pre_spawn_hook",
}

# What no file of a repository should look like.
BYTES: dict[str, Callable[[bytes], bytes]] = {
    "windows_line_ends": lambda text: text.replace(b"\n", b"\r\n"),
    "no_newline_at_the_end": lambda text: text.removesuffix(b"\n"),
    "byte_order_mark": lambda text: b"\xef\xbb\xbf" + text,
}
# What the hooks of a configuration write when alice starts and stops her server.
STARTS = {
    "hooks": ["start alice", "stop alice"],
    "hooks_of_subclasses": ["start alice", "stop alice"],
    "classes_with_hooks": ["start alice of physics"],
    "classes_with_sections": ["start"],
    "settings_of_servers": [],
}
# Configurations that cannot be merged -> the sentence that says why.
REFUSED = {
    "our_role_taken": "load_roles has a role collab-accounts of its own, the name of one of ours: give it another name",
    "managed_roles": "RolesOfTheHost.manage_roles is on, and then the hub takes no members of roles from its configuration",
    "our_service_taken": "JupyterHub.services has a service sharing of its own, which is the name of the sharing page",
    "shared_account_blocked": "Authenticator.blocked_users names shared, whose server the hub would stop at each start",
    "hook_as_a_method": "Config option `post_auth_hook` not recognized by `Gatekeeper`",
}
MERGED = [name for name in CONFIGURATIONS if name not in REFUSED]


@dataclass
class Record:
    """A hub at work, with a configuration."""

    settings: dict[str, Any]
    held: dict[str, list[Any]]
    scopes: dict[str, set[str]]  # of everybody whom the hub lets in
    log: list[str]  # what hooks wrote meanwhile
    process: str = ""  # arguments and environment of alice's server
    page: str = ""  # of sharing, as alice sees it


@dataclass
class Done:
    """What a call of the module ended with."""

    good: bool
    said: dict[str, Any]


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

    def copy(self, source: Path, target: str) -> None:
        """Put a directory's content into one of the host's."""
        self.run("mkdir", "-p", target)
        subprocess.run(["podman", "cp", f"{source}/.", f"{self.name}:{target}"], check=True)

    def prepare(self) -> None:
        """Bring what the tests need, and take what the play has made of the fragments."""
        for name in ("50-rtc", "60-sharing"):
            content = self.run("cat", f"/root/fragments/{name}.py").decode()
            package = r"/usr/local/lib/collab\.jupyterhub/[0-9a-f]{12}"
            self.fragments[name] = re.sub(package, "@PACKAGE@", content)
        self.run("chpasswd", given=f"shared:{PEOPLE['shared']}".encode())
        self.copy(Path(ansible.module_utils.__file__).parent, f"{MODULES}/ansible/module_utils")
        self.run("touch", f"{MODULES}/ansible/__init__.py")
        self.copy(ROOT / "plugins", f"{MODULES}/ansible_collections/collab/jupyterhub/plugins")
        self.copy(SCENARIO / "beside", DIRECTORY)

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
        """Call the module as Ansible does on the host, without the rest of the play, which takes most of the time."""
        arguments |= {
            "path": MAIN,
            "fragment": "50-rtc",
            "settle": 0,
            "timeout": 120,
            "package": package_files(),
        }
        command = ["podman", "exec", "--interactive", f"--env=PYTHONPATH={MODULES}", self.name]
        done = subprocess.run(
            [*command, "python3", "-c", CALL],
            input=json.dumps(arguments),
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.stdout, done.stderr
        said = json.loads(done.stdout.splitlines()[-1])
        said.pop("invocation", None)  # which is longer than all the rest
        return Done(done.returncode == 0, said)

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
        recorder = (SCENARIO / "recorder.py").read_bytes()
        recorded = json.loads(self.run(PYTHON, "-", MAIN, DATABASE, given=recorder))
        return Record(recorded["settings"], recorded["held"], scopes, log, process, page)

    def start_and_stop(self, person: Person) -> str:
        """Return the arguments and the environment of somebody's server, which is gone again."""
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
        file = (SCENARIO / "configurations" / f"{name}.py").read_bytes()
        file = BYTES[name](file) if name in BYTES else file
        self.start(file)
        ours = {"content": self.fragments["50-rtc"], "others": {"60-sharing": self.fragments["60-sharing"]}}
        tried = Tried(file, self.record(), self.hub_config(**ours))
        if tried.applied.good:
            tried.after = self.record(shares=True, starts=name in STARTS)
            # At rest, which is enough to see what is left; scenario removal has hubs that run.
            self.run("systemctl", "stop", "jupyterhub")
            tried.removed = self.hub_config(state="absent", others={"60-sharing": ""})
        tried.left = self.files()
        return tried


def sharing_page(person: Person) -> str:
    """What somebody sees there, once the proxy has been told of it."""
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


def without_ours(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with what the fragment may set taken out, and with the hub's own words for what stands for the default."""
    settings = json.loads(json.dumps(settings))
    hub = settings.setdefault("JupyterHub", {})
    roles = {role["name"]: role for role in hub.pop("load_roles", []) if role["name"] != ROLE}
    user = roles.setdefault("user", {"name": "user"})
    user["scopes"] = [scope for scope in user.get("scopes", ["self"]) if scope not in OURS | SHARING]
    extra = set(hub.pop("extra_user_scopes", {}).get("a set", []))
    hub |= {"load_roles": roles, "extra_user_scopes": sorted(extra - OURS - SHARING)}
    hub["services"] = [service for service in hub.get("services", []) if service["name"] != SERVICE]
    paths = hub.pop("template_paths", [])
    hub["template_paths"] = [path for path in paths if not path.endswith("/jupyterhub_collab/hub/templates")]
    if "oauth_no_confirm_list" in hub.get("tornado_settings", {}):
        clients = hub["tornado_settings"]["oauth_no_confirm_list"]["a set"]
        clients[:] = [client for client in clients if client != f"service-{SERVICE}"]
    variables = hub.pop("template_vars", {})
    hub["template_vars"] = {name: variables[name] for name in variables if name != "shares_end_with_server"}
    for section in list(settings.values()):
        for hook in OUR_HOOKS:
            while hook in section and section[hook]["code"][0] in OUR_CODE:
                section[hook]["code"].pop(0)
                if not section[hook]["code"]:
                    del section[hook]
    return {name: section for name, section in settings.items() if section}


def held_without_ours(held: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What the hub holds, without the account, its role, and the scopes that everybody got."""
    held = {about: [row for row in rows if row[0] != ROLE] for about, rows in held.items()}
    held["users"] = [row for row in held["users"] if row[0] != "shared"]
    held["services"] = [row for row in held["services"] if row[0] != SERVICE]
    held["users of roles"] = [row for row in held["users of roles"] if row != ["user", "shared"]]
    held["roles"] = [
        [name, words, sorted(set(json.loads(scopes)) - (OURS | SHARING if name == "user" else set()))]
        for name, words, scopes in held["roles"]
    ]
    return held


@pytest.mark.parametrize("name", MERGED)
def test_ours_is_in_force_and_theirs_is_as_it_was(name: str, hub_with: Tried) -> None:
    """Requirement B1."""
    before, after = hub_with.before, hub_with.after
    assert after, hub_with.applied.said

    # Theirs: settings, roles and their members, who gets in, what their hooks do.
    assert without_ours(after.settings) == without_ours(before.settings)
    assert held_without_ours(after.held) == held_without_ours(before.held)
    assert after.scopes.keys() == before.scopes.keys() - {"shared"}
    assert after.log == before.log + STARTS.get(name, [])

    # Ours: everybody's rights, the account that is known and that nobody logs in to, the hooks.
    people = [scopes for scopes in after.scopes.values() if "admin:servers" not in scopes]
    assert people
    assert all(scopes >= OURS for scopes in people)
    assert not any(scopes & OURS for scopes in before.scopes.values())
    assert [ROLE, "shared"] in after.held["users of roles"]
    assert all(scopes >= SHARING - {"shares!user"} for scopes in people)
    assert after.scopes[SHARER] & {f"shares!user={SHARER}", "shares"}
    hooks = (
        ("Authenticator", "post_auth_hook"),
        ("Spawner", "pre_spawn_hook"),
        ("Spawner", "post_stop_hook"),
    )
    assert SERVICE in {row[0] for row in after.held["services"]}
    for section, hook in hooks:
        assert after.settings[section][hook]["code"][0] == OUR_HOOKS[hook]
    assert "Keep no passwords or keys on a server that you share" in after.page
    if name in STARTS:
        assert "--HubOAuth.cache_max_age=5" in after.process

    # And all of it comes out again.
    assert hub_with.removed
    assert hub_with.removed.good, hub_with.removed.said
    assert "warnings" not in hub_with.removed.said
    assert hub_with.left == {MAIN: hub_with.file}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_merged_is_refused(name: str, hub_with: Tried) -> None:
    """In one sentence, and nothing has changed."""
    assert not hub_with.applied.good
    assert REFUSED[name] in hub_with.applied.said["msg"]
    assert hub_with.applied.said["msg"].endswith("Nothing was changed.")
    assert hub_with.left == {MAIN: hub_with.file}


@pytest.mark.parametrize("name", ["settings_of_servers"])
def test_servers_start_with_their_own_settings(hub_with: Tried) -> None:
    """Arguments, environment and command of theirs beside the argument of ours."""
    assert hub_with.after
    lines = hub_with.after.process.splitlines()
    arguments = ["--ServerApp.terminado_settings={}", "--debug", "--ServerApp.max_body_size=1000000"]
    environment = ["TEAM=physics", "ROOM=2.17", "GREETING=hello alice"]
    assert set(lines) >= {*arguments, *environment}


@pytest.mark.parametrize("name", ["templates"])
def test_sharing_page_has_the_look_of_the_hub(hub_with: Tried) -> None:
    """Templates and variables of the administrator's, of which some ask for what only the hub's own pages have."""
    assert hub_with.after
    assert "The hub is away on Sunday." in hub_with.after.page
    assert "<p>The hub of physics, </p>" in hub_with.after.page
