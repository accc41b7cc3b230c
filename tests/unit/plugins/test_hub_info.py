# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module finds on a host that earlier runs and other programs have left there."""

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils import host_state, listeners
from ansible_collections.collab.jupyterhub.plugins.module_utils.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.modules import hub_info


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
    assert hub_info.other_hubs("hub-a", "50-rtc") == [
        {"unit": "hub-b", "accounts": ["of-hub-b"], "state_directory": "/var/lib/hub-b", "port": 906}
    ]
    assert hub_info.other_hubs("hub-b", "50-rtc")[0]["port"] is None


def test_culler_of_another_unit_is_known(tmp_path: Path) -> None:
    script = tmp_path / "cull_idle_servers.py"
    script.write_text("import time\nprint(flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen([sys.executable, script, "--timeout=77"], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        process.stdout.readline()
        # Without systemd, the process belongs to no unit.
        ours = listeners.unit_of(process.pid) or f"process {process.pid}"
        assert ours in hub_info.cullers_beside(Unit("jupyterhub", {"Id": "x.service"}))
    finally:
        process.kill()
        process.wait()


def test_half_installed_package_is_not_there(tmp_path: Path) -> None:
    """A package whose installation was interrupted counts as missing, so that the next run installs it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    packages = next(tmp_path.glob("lib/python3*/site-packages"))
    for name in ("jupyterlab-4.6.0", "pycrdt-0.14.0", "jupyter_collaboration-5.0.0"):
        (packages / f"{name}.dist-info").mkdir()
    (packages / "jupyterlab-4.6.0.dist-info/METADATA").write_text("Name: jupyterlab\nVersion: 4.6.0\n")
    found = hub_info.describe_lab(str(tmp_path), [])
    assert (found["versions"], found["collaboration_since"]) == ({"jupyterlab": "4.6.0"}, 0)
