# SPDX-License-Identifier: GPL-3.0-or-later
"""When a hub's idle culler stops servers, as far as its configuration tells."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from collaboration_settings import SETTINGS
from jupyterhub_collab.hub import dry_run
from jupyterhub_collab.hub.culler import culler_seconds


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        (["python3", "-m", "jupyterhub_idle_culler", "--timeout=60"], 60),
        (["/opt/hub/bin/jupyterhub-idle-culler", "--cull-every=60", "--timeout", "90", "--cull-users"], 90),
        (["python3", "/srv/cull_idle_servers.py", "--timeout=30"], 30),
        (["python3", "-m", "jupyterhub_idle_culler", "--IdleCuller.timeout=70"], 70),
        (["jupyterhub-idle-culler", "--timeout=10", "--timeout=20"], 20),
        (["sh", "-c", "exec jupyterhub-idle-culler --timeout=40"], 40),
        ("jupyterhub-idle-culler", 600),
        (["python3", "/srv/cull_idle_servers.py"], 600),
        (["python3", "-m", "jupyterhub_idle_culler", "--config=/etc/culler.py"], None),
        (["python3", "-m", "jupyterhub_idle_culler", "--config", "/etc/culler.py", "--timeout=50"], 50),
        (["python3", "announcement.py", "--timeout=30"], 0),
        (None, 0),
    ],
)
def test_timeout_is_read_from_the_command_or_unknown(command: Any, seconds: int | None) -> None:
    c = Config()
    c.JupyterHub.services = [{"name": "idle", "command": command}]
    assert culler_seconds(c) == seconds


@pytest.mark.parametrize(
    ("idle_seconds", "option", "unknown"),
    [
        (-1, "--config=/etc/culler.py", True),
        (-1, "--timeout=60", False),
        (60, "--config=/etc/culler.py", False),
    ],
)
def test_report_learns_of_a_timeout_that_is_unknown(
    tmp_path: Path, idle_seconds: int, option: str, unknown: bool
) -> None:
    config = tmp_path / "hub.py"
    config.write_text(
        f"""
from jupyterhub_collab.hub.collaboration import collaborate

c.JupyterHub.authenticator_class = "dummy"
collaborate(c, **{SETTINGS | {"accounts": [], "refuse_unprepared": False, "idle_seconds": idle_seconds}})
c.JupyterHub.services.append({{"name": "idle", "command": ["jupyterhub-idle-culler", "{option}"]}})
"""
    )
    JupyterHub.clear_instance()
    try:
        assert asyncio.run(dry_run.load([f"--config={config}"]))["culler_is_unknown"] is unknown
    finally:
        dry_run.JupyterHub.clear_instance()
        JupyterHub.clear_instance()
