# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of several kinds on one hub, in turns: each start chooses a kind.

OURS     as the collection starts it
PLAIN    the same packages, but jupyter-collaboration alone
WITHOUT  the same packages, but turned off: JupyterLab without collaboration
"""

import json
import subprocess
import time

from benchmarks import Stage
from people import Person
from scenario import kill_server, wait_until

ACCOUNT = "shared"
KINDS = OURS, PLAIN, WITHOUT = "ours", "plain", "without"
# Variables of the playbook. Otherwise the hub stops servers of the other two kinds, because others can open them and they have no guard.
UNGUARDED = {"jupyterhub_rtc_refuse_unprepared": False}

# Configuration of plain servers. It replaces the one that the collection loads before all others.
PLAIN_CONFIG = "/usr/local/share/plain-collaboration"
PLAIN_FILES = {
    "jupyter_server_config.json": {"ServerApp": {"jpserver_extensions": {"jupyter_server_ydoc": True}}},
    "labconfig/page_config.json": {
        "disabledExtensions": {
            "@jupyter/collaboration-extension": False,
            "@jupyter/docprovider-extension": False,
        }
    },
}
WANTED = "/run/wanted-server"  # contains the kind of the next server
FRAGMENT = f"""
from pathlib import Path

ours = c.Spawner.pre_spawn_hook


async def pre_spawn_hook(spawner):
    spawner.environment.pop("JUPYTER_CONFIG_PATH", None)
    await ours(spawner)
    wanted = Path("{WANTED}").read_text().strip()
    if wanted != "{OURS}":
        del spawner.environment["JUPYTERHUB_COLLAB"], spawner.environment["JUPYTER_CONFIG_PATH"]
    if wanted == "{PLAIN}":
        spawner.environment["JUPYTER_CONFIG_PATH"] = "{PLAIN_CONFIG}"


c.Spawner.pre_spawn_hook = pre_spawn_hook
"""


def prepare(stage: Stage) -> None:
    """Configure the hub to start servers of all kinds."""
    for name, content in PLAIN_FILES.items():
        path = f"{PLAIN_CONFIG}/{name}"
        stage.host.check_output("mkdir -p %s", path.rpartition("/")[0])
        stage.host.check_output("echo %s > %s", json.dumps(content), path)
    fragments = stage.host.check_output("dirname $(find / -xdev -path '*jupyterhub_collab.d/50-rtc.py')")
    stage.host.check_output("echo %s > %s", FRAGMENT, f"{fragments}/99-kinds.py")
    stage.host.check_output("echo %s > %s", OURS, WANTED)
    stage.host.check_output("systemctl restart jupyterhub")
    wait_until(lambda: stage.hub.is_up, 60)


def end(stage: Stage, person: Person) -> None:
    """Stop the server. It is killed first: with an open document, plain jupyter-collaboration takes a minute to stop."""
    kill_server(stage.host, ACCOUNT)
    person.stop(ACCOUNT)


def begin(stage: Stage, person: Person, kind: str) -> float:
    """Start a server of this kind, and return the seconds until JupyterLab's page has loaded. No server may be running."""
    stage.host.check_output("echo %s > %s", kind, WANTED)
    before = time.perf_counter()
    person.open(ACCOUNT)
    took = time.perf_counter() - before
    environ = stage.host.check_output(
        f"runuser -u {ACCOUNT} -- cat /proc/$(pgrep --oldest --uid {ACCOUNT} --full singleuser)/environ"
    )
    assert (PLAIN_CONFIG in environ) == (kind == PLAIN)
    assert ("JUPYTERHUB_COLLAB" in environ) == (kind == OURS)
    return took


def process(stage: Stage, command: str, user: str = "") -> int:
    """Return the ID that a process of the container has on this machine."""
    top = ["podman", "top", stage.platform.name, "hpid", "user", "args"]
    lines = subprocess.run(top, check=True, capture_output=True, text=True).stdout.splitlines()[1:]
    return next(
        int(pid)
        for pid, owner, arguments in (line.split(maxsplit=2) for line in lines)
        if command in arguments and user in ("", owner)
    )
