# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that lock a hub in, that give it secrets, or that systemd could not restart: what the play decides is what systemd does."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import plan
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve
from testinfra.host import Host

from modules import call
from scenario import Platform

HUB = "/usr/local/jupyterhub/bin/jupyterhub --config=/usr/local/etc/jupyter/jupyterhub_config.py"
STATE = "/var/lib/jupyterhub-rtc"
# Does what the hub does: creates the directory if it is missing, and writes to it.
WRITES = f"/bin/sh -c 'mkdir -p {STATE}/a-server && rmdir {STATE}/a-server'"
SANDBOXES: dict[str, list[str]] = {
    "none": [],
    "system files": ["ProtectSystem=full"],
    "all files": ["ProtectSystem=strict"],
    "all except the parent": ["ProtectSystem=strict", "ReadWritePaths=/var/lib"],
    "all except a missing directory": ["ProtectSystem=strict", f"ReadWritePaths=-{STATE}"],
    "all except the unit's own directory": ["ProtectSystem=strict", "StateDirectory=jupyterhub-rtc"],
    "a directory": ["ReadOnlyPaths=/var"],
    "a directory with an exception": ["ReadOnlyPaths=/var", "ReadWritePaths=/var/lib"],
}
CANNOT_RESTART: dict[str, tuple[list[str], str]] = {
    "one shot": (
        ["Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/true"],
        "odd-hub has Type=oneshot, so systemd cannot restart the hub. Set Type=simple",
    ),
    "left in the background": (
        ["Type=forking", "GuessMainPID=no", "ExecStart=/bin/sh -c 'sleep 600 &'"],
        "systemd does not know which process of odd-hub is the hub, so it cannot restart the hub. Set Type=simple",
    ),
}
# What the unit of a hub gives to it, and a configuration that needs all of it.
PLACE = "/run/odd-hub"
GIVEN = [
    f"ExecStart=/usr/local/jupyterhub/bin/python {PLACE}/jupyterhub --config={PLACE}/hub.py",
    *("Type=exec", "User=backup-robot", "SupplementaryGroups=tty", "StateDirectory=odd-hub"),
    *(f"EnvironmentFile={PLACE}/*.env", "PassEnvironment=PASSED"),
]
NEEDS = """\
import grp, os
for name in ("OF_A_FILE", "OF_ANOTHER", "PASSED", "STATE_DIRECTORY"):
    os.environ[name]
assert grp.getgrnam("tty").gr_gid in os.getgroups(), os.getgroups()
"""
FILES = {
    "hub.py": NEEDS,
    "jupyterhub": "import time\ntime.sleep(600)\n",
    "10.env": "OF_A_FILE=1\n",
    "20.env": "OF_ANOTHER='2 3'\n",
    "token": "secret",
    "credential.py": "import os, pathlib\nassert pathlib.Path(os.environ['CREDENTIALS_DIRECTORY'], 'token').read_text() == 'secret'\n",
}
Write = Callable[[str, list[str]], None]


@pytest.fixture
def unit(host: Host) -> Iterator[Write]:
    """Return a function that writes a unit, which is gone after the test, as is what it has written."""
    written = []

    def write(name: str, lines: list[str]) -> None:
        written.append(name)
        text = "\n".join(["[Service]", *lines, ""])
        host.check_output("printf %%s %s >%s", text, f"/run/systemd/system/{name}.service")
        host.check_output("systemctl daemon-reload")

    yield write
    for name in written:
        host.run(
            "systemctl stop %s; systemctl reset-failed %s; rm /run/systemd/system/%s.service", *[name] * 3
        )
    host.run(f"systemctl daemon-reload; rmdir {STATE}")


def problems(platform: Platform, **given: Any) -> list[str]:
    """Return what would stop the play on this host."""
    settings = resolve(given)
    found = call("hub_info", platform.name, **plan.hub_question(settings))
    assert found.code == 0, found.told
    return plan.host_problems(settings, found.told)


@pytest.mark.parametrize("lines", SANDBOXES.values(), ids=SANDBOXES.keys())
def test_what_a_sandbox_lets_the_hub_write(
    lines: list[str], unit: Write, host: Host, platform: Platform
) -> None:
    """The play stops if, and only if, a process in the same sandbox cannot create the servers' state directory."""
    unit("odd-hub", [f"ExecStart={HUB}", *lines])
    found = problems(platform, jupyterhub_rtc_service="odd-hub")
    assert all("does not allow the hub to write" in problem for problem in found)
    unit("odd-writer", ["Type=oneshot", f"ExecStart={WRITES}", *lines])
    assert host.run("systemctl start odd-writer").succeeded is not bool(found)


@pytest.mark.parametrize(("lines", "said"), CANNOT_RESTART.values(), ids=CANNOT_RESTART.keys())
def test_unit_that_systemd_could_not_restart(
    lines: list[str], said: str, unit: Write, host: Host, platform: Platform
) -> None:
    unit("odd-hub", lines)
    host.check_output("systemctl start odd-hub")
    (problem,) = problems(platform, jupyterhub_rtc_service="odd-hub")
    assert said in problem


@pytest.fixture
def given(host: Host) -> Iterator[None]:
    """Write what the unit gives to its hub."""
    host.check_output(f"mkdir {PLACE} && systemctl set-environment PASSED=yes")
    for name, text in FILES.items():
        host.check_output("printf %%s %s >%s", text, f"{PLACE}/{name}")
    yield
    host.run(f"rm -r {PLACE}; systemctl unset-environment PASSED; rmdir /var/lib/odd-hub")


@pytest.mark.usefixtures("given")
def test_configuration_sees_what_the_unit_gives_to_its_hub(
    unit: Write, host: Host, platform: Platform
) -> None:
    """It is known of a stopped hub, too."""
    unit("odd-hub", GIVEN)
    errors = []
    for start in ("true", "systemctl start odd-hub"):
        host.check_output(start)
        found = call("hub_info", platform.name, service="odd-hub", path=f"{PLACE}/hub.py")
        errors.append(found.told["hub"]["error"])
    assert errors == ["", ""]


@pytest.mark.usefixtures("given")
def test_configuration_sees_credentials_of_the_running_hub(
    unit: Write, host: Host, platform: Platform
) -> None:
    """systemd keeps them only while the unit runs, for its account only. Of a stopped hub, the play says what to do."""
    start = f"ExecStart=/usr/local/jupyterhub/bin/python {PLACE}/jupyterhub --config={PLACE}/credential.py"
    # Where mounts are private, as in this container, not even the unit's own process sees its credentials.
    host.check_output("mount --make-rshared /")
    # systemd reads the source as root.
    host.check_output(f"chmod 600 {PLACE}/token")
    unit("odd-hub", [start, "Type=exec", "User=backup-robot", f"LoadCredential=token:{PLACE}/token"])
    given = {
        "jupyterhub_rtc_service": "odd-hub",
        "jupyterhub_rtc_config_path": f"{PLACE}/credential.py",
    }
    (stopped,) = problems(platform, **given)
    assert "KeyError: 'CREDENTIALS_DIRECTORY'. Start odd-hub or fix it, then rerun" in stopped
    host.check_output("systemctl start odd-hub")
    assert not [problem for problem in problems(platform, **given) if "failed to load" in problem]
