# SPDX-License-Identifier: GPL-3.0-or-later
"""Two projects for the scenario workspaces: alice and bob are in one, which carol can read in part; carol alone is in the other."""

import json
from typing import Any

import httpx

from modules import Done, call
from people import Server
from scenario import Platform

ROOT = "/srv/jupyterhub-projects"
MOUNT = "/workspace/notebooks"
CONFIG = "/usr/local/etc/jupyter/jupyterhub_config.py"
COMMENT = "account of a project of the hub"

RAINFALL: dict[str, Any] = {
    "name": "rainfall",
    "account": "project-rainfall",
    "edit": {"users": ["alice"], "groups": ["hydrologists"]},
    "workspaces": [{"name": "files"}, {"name": "data", "read": {"users": ["carol"]}}],
}
SECRET: dict[str, Any] = {
    "name": "secret",
    "account": "project-secret",
    "edit": {"users": ["carol"]},
    "workspaces": [{"name": "files"}],
}


def make(platform: Platform, *projects: dict[str, Any], check: bool = False, **options: Any) -> Done:
    """Create the workspaces of these projects on the host, or with `check`, report what that would change."""
    wanted = [
        {
            "name": project["name"],
            "account": project["account"],
            "workspaces": [workspace["name"] for workspace in project["workspaces"]],
        }
        for project in projects
    ]
    told = {"root": ROOT, "group": "jupyterhub", "comment": COMMENT, "projects": wanted, **options}
    return call("project_workspaces", platform.name, check=check, **told)


told: dict[str, str] = {}  # the current fragment of each container's hub


def run(server: Server, command: str) -> str:
    """Run a command in a terminal of the server, and return the terminal's output."""
    with server.open_terminal() as terminal:
        terminal.type(f"{{ {command}; }} 2>&1; printf 'en''ded\\n'")
        terminal.wait_for("ended\r\n")
        return terminal.screen


def is_refusal(answer: httpx.Response) -> bool:
    """Return whether writing a file was refused. For a read-only mount, Jupyter Server answers with status 500."""
    read_only = answer.status_code == 500 and "Read-only file system" in answer.text
    return read_only or (answer.status_code == 403 and "Permission denied" in answer.text)


def tell_hub(platform: Platform, *projects: dict[str, Any], before: str = "") -> None:
    """Configure the hub to mount the workspaces of these projects in servers, unless it already does.

    `before` are additional lines of configuration.
    """
    content = f"""import sys
sys.path.insert(0, "@PACKAGE@")
from jupyterhub_collab.hub.workspaces import share_workspaces
{before}
share_workspaces(c, root={ROOT!r}, mount={MOUNT!r}, projects={json.loads(json.dumps(projects))!r}, repair_minutes=0.05)
"""
    if told.get(platform.name) == content:
        return
    done = call("hub_config", platform.name, path=CONFIG, fragment="70-workspaces", content=content, settle=0)
    assert done.code == 0, done.told
    told[platform.name] = content
