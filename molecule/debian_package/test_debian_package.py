# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub that Debian 13 packages (requirement B12). The tests run in order, each on the state that the one before left."""

from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from people import Hub, Person, Refused
from scenario import (
    Credentials,
    Platform,
    changed_files,
    edit_together,
    installed,
    keep_out,
    module,
    play,
    verified,
    wait_until,
)

CONFIG = "/etc/jupyterhub/jupyterhub_config.py"
LAB = "/opt/lab"
SETTINGS: dict[str, Any] = {"jupyter_rtc_config_path": CONFIG, "jupyter_rtc_venv": LAB}
INVOCATION = "systemctl show jupyterhub --property=InvocationID --value"


def test_packaged_jupyterlab_is_refused_in_one_sentence(host: Host, platform: Platform) -> None:
    """Debian's JupyterLab is too old to collaborate: nothing changes, and the hub's process stays."""
    before = host.check_output(INVOCATION)
    refused = play("jupyter_rtc", platform.name, jupyter_rtc_config_path=CONFIG, jupyter_rtc_venv="auto")
    assert refused.code != 0
    assert (
        "JupyterLab 4.0.11 in the system's Python is too old for live collaboration. Update it to 4.4 or newer. "
        "Nothing was changed." in refused.said
    )
    assert refused.changed == 0
    assert changed_files(host, platform) == set()
    assert host.check_output(INVOCATION) == before


def test_newer_jupyterlab_beside_it_is_served(host: Host, platform: Platform, hub: Hub) -> None:
    """The way out: the packaged hub starts its servers from an environment with a newer JupyterLab.

    The message says what this hub's users lack, and why.
    """
    packages = [f"jupyterhub=={hub.version}", "jupyterlab>=4.6,<4.7"]
    made = module("python_packages", platform.name, environment=LAB, create=True, packages=packages)
    assert made.code == 0, made.output
    setting = f'c.Spawner.cmd = ["{LAB}/bin/jupyterhub-singleuser"]'
    host.check_output(f"echo %s >>{CONFIG} && cp -p {CONFIG} /root/config.before", setting)
    host.check_output("systemctl restart jupyterhub")
    wait_until(lambda: hub.is_up, timeout=60)

    served = play("jupyter_rtc", platform.name, **SETTINGS)
    assert served.code == 0, served.output
    assert (
        "WARNING: Users cannot share their own servers, because JupyterHub 5.2.1 has a known vulnerability in sharing. Update it to 5.5.4 or "
        "6.1.1." in served.said
    )
    assert installed(host, f"{LAB}/bin/python")["jupyter-collaboration"].startswith("5.0.")


def test_two_people_edit_on_the_shared_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5: two people edit on the shared server."""
    edit_together(alice, bob, "shared", host)


def test_nobody_shares_the_own_server(alice: Person, bob: Person) -> None:
    """Sharing is refused by link and by name, because this hub's sharing has a vulnerability."""
    alice.open("alice")
    assert alice.api("POST", "/hub/api/share-codes/alice/").status_code == 403
    share = {"user": "bob", "scopes": ["access:servers!server=alice/"]}
    assert alice.api("POST", "/hub/api/shares/alice/", share).status_code == 403


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused."""
    keep_out(hub, "shared", mallory)


def test_again_changes_nothing(platform: Platform) -> None:
    """Requirement 18: a second run changes nothing."""
    again = play("jupyter_rtc", platform.name, **SETTINGS)
    assert (again.code, again.changed) == (0, 0), again.output


def test_verify_finds_nothing_wrong(platform: Platform, tmp_path: Path) -> None:
    assert "two users edit together on the shared server" in verified(platform.name, tmp_path / "report.json")


def test_change_of_modes_leaves_servers_alone(
    alice: Person, bob: Person, host: Host, platform: Platform
) -> None:
    alice.open("alice")
    servers = "pgrep --uid alice --full singleuser"
    before = host.check_output(servers)
    switched = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_share_all_users=True)
    assert switched.code == 0, switched.output
    assert host.check_output(servers) == before
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    back = play("jupyter_rtc", platform.name, **SETTINGS)
    assert back.code == 0, back.output
    bob.open("shared")


def test_without_it_the_package_is_as_it_was(alice: Person, host: Host, platform: Platform) -> None:
    """The main file is the administrator's again, and Debian's files have never changed."""
    gone = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_state="absent")
    assert gone.code == 0, gone.output
    assert host.file(CONFIG).content == host.file("/root/config.before").content
    assert "jupyter-collaboration" not in installed(host, f"{LAB}/bin/python")
    assert host.run("dpkg --verify jupyterhub").stdout == ""
    with pytest.raises(Refused):
        alice.open("shared")
