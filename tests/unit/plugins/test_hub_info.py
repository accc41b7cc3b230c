# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module finds on a host that earlier runs and other programs have left there."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import accounts, listeners
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import info as hub_info
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import package as hub_package
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import lab


def test_what_another_hub_of_the_host_keeps_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    for unit in ("hub-a", "hub-b"):
        fragments = tmp_path / unit / "jupyterhub_collab.d"
        fragments.mkdir(parents=True)
        (fragments / "50-rtc.py").write_text(
            f"apply(c, accounts=['of-{unit}'])\ncollaborate(c, accounts=['of-{unit}'], state_directory='/var/lib/{unit}')\n"
        )
        host_state.remember(
            f"{unit}.json", {"path": str(tmp_path / unit / "hub.py"), "runs_with": {"50-rtc": {}}}
        )
    (tmp_path / "hub-b/jupyterhub_collab.d/60-sharing.py").write_text("share_servers(c, port=906)\n")
    monkeypatch.setattr(hub_info, "show", Unit)
    found = {"version": "6.1.1", "error": ""}
    starts = {"hub-a": {"account_names": ""}, "hub-b": {"account_names": "jupyter-{USERNAME}"}}
    monkeypatch.setattr(hub_info, "describe_hub", lambda unit, path: (found, starts[unit.name]))
    link = tmp_path / "link"
    link.symlink_to("/var/lib/hub-b")
    told = {
        "unit": "hub-b",
        "accounts": ["jupyter-of-hub-b"],
        "state_directory": "/var/lib/hub-b",
        "port": 906,
    }
    for wanted, overlaps in (("/var/lib/hub-a", False), ("/var/lib", True), (f"{link}/history", True)):
        found_there = hub_info.other_hubs("hub-a", "50-rtc", "", wanted)
        assert found_there == [told | {"overlaps": overlaps}]
    (of_hub_a,) = hub_info.other_hubs("hub-b", "50-rtc")
    assert (of_hub_a["accounts"], of_hub_a["port"]) == (["of-hub-a"], None)


def test_account_that_may_be_another_hubs_counts_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """If another hub's configuration does not load, it is unknown how its shared account is called on the host."""
    monkeypatch.setattr(hub_info, "show", Unit)
    monkeypatch.setattr(
        hub_info, "describe_hub", lambda unit, path: ({"version": "6.1.1", "error": "bad"}, {})
    )
    there = ["jupyter-team", "shared"]
    monkeypatch.setattr(accounts, "with_comment", {"ours": there}.__getitem__)
    assert hub_info.accounts_of_hub("hub-b", "/etc/hub.py", ["team"], "ours") == ["jupyter-team", "team"]


def test_hub_that_only_shares_uses_the_package_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab's settings, packages and groups are kept for it. A hub without the package needs none of them."""
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    imported = f'sys.path.insert(0, "{hub_package.DIRECTORY}/0123456789ab")\n'
    for unit, text in (("hub-a", imported), ("hub-b", imported), ("plain", "c.JupyterHub.x = 1\n")):
        fragments = tmp_path / unit / "jupyterhub_collab.d"
        fragments.mkdir(parents=True)
        (fragments / "60-sharing.py").write_text(text)
        state = {"path": str(tmp_path / unit / "hub.py"), "runs_with": {"60-sharing": {}}}
        host_state.remember(f"{unit}.json", state)
    assert hub_info.units_with_package("hub-a") == ["hub-b"]


def test_culler_of_another_unit_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "cull_idle_servers.py"
    script.write_text("import time\nprint(flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen([sys.executable, script, "--timeout=77"], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        process.stdout.readline()
        # Without systemd, the process belongs to no unit.
        ours = listeners.unit_of(process.pid) or f"process {process.pid}"
        assert ours in hub_info.cullers_beside(Unit("jupyterhub", {"Id": "x.service"}))
        # A service of another hub.
        monkeypatch.setattr(hub_info, "unit_of", lambda pid: "hub-b.service")
        monkeypatch.setattr(host_state, "hubs", lambda: {"hub-b": {}})
        assert hub_info.cullers_beside(Unit("jupyterhub", {"Id": "x.service"})) == []
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("import os, sys\nsys.stderr.write('no secrets here\\n')\nos._exit(1)", "no secrets here"),
        ("import os\nos._exit(3)", "it ended with status 3"),
    ],
)
def test_configuration_that_ends_its_process_is_told_with_a_reason(
    tmp_path: Path, config: str, why: str
) -> None:
    (tmp_path / "hub.py").write_text(config)
    command = f"{sys.executable} -m jupyterhub -f {tmp_path}/hub.py"
    user = pwd.getpwuid(os.getuid()).pw_name
    unit = Unit("hub", {"ExecStart": f"argv[]={command} ;", "User": user})
    assert hub_info.describe_hub(unit, "")[0]["error"] == f"{sys.executable} did not answer: {why}"


def test_half_installed_package_is_not_there(tmp_path: Path) -> None:
    """A package whose installation was interrupted counts as missing, so that the next run installs it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    packages = next(tmp_path.glob("lib/python3*/site-packages"))
    for name in ("jupyterlab-4.6.0", "pycrdt-0.14.0", "jupyter_collaboration-5.0.0"):
        (packages / f"{name}.dist-info").mkdir()
    (packages / "jupyterlab-4.6.0.dist-info/METADATA").write_text("Name: jupyterlab\nVersion: 4.6.0\n")
    found = lab.describe_lab(str(tmp_path), [])
    assert (found["versions"], found["collaboration_since"]) == ({"jupyterlab": "4.6.0"}, 0)
