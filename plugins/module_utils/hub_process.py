# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Python code as the hub would run it: its interpreter, account, environment and working directory."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from .systemd_unit import Unit


class HubNotFound(Exception):
    """Which command starts the hub cannot be told from the unit."""


def shebang_python(script: str) -> str | None:
    """Return the Python interpreter that a script names in its first line; None where it names none."""
    try:
        with open(script, "rb") as file:
            head = file.read(512)
    except OSError:
        return None
    match = re.match(rb"#!\s*(?:\S*/env\s+)?(\S*python[\d.]*)", head)
    if not match and head.startswith(b"#!/bin/sh"):
        # What pip writes where the path is too long for a first line.
        match = re.search(rb"^'''exec' [\"']?([^\"'\s]+)", head, re.M)
    if not match:
        return None
    name = match.group(1).decode(errors="surrogateescape")
    return name if name.startswith("/") else shutil.which(name)


@dataclass
class HubCommand:
    """A command line that starts a hub, taken apart."""

    python: str
    arguments: list[str]  # without the one that names the configuration file
    config: str  # empty where it names none


def parse_command(words: list[str], path: str) -> HubCommand:
    """Take the command line of a hub apart; `path` is the PATH that it is started with."""
    rest = list(words)
    python = None
    if rest and re.search(r"/?python[\d.]*$", rest[0]):
        python = rest.pop(0)
        while rest and rest[0].startswith("-") and rest[0] != "-m":
            rest.pop(0)
        if rest and rest[0] == "-m":
            rest = rest[1:]
    program = rest.pop(0) if rest else ""
    if python is None:
        script = program if program.startswith("/") else shutil.which(program, path=path) or program
        python = shebang_python(script)
    if python is None or "jupyterhub" not in os.path.basename(program):
        raise HubNotFound(f"the command `{' '.join(words)}` is not one that starts jupyterhub")
    if not python.startswith("/"):
        python = shutil.which(python, path=path) or python
    arguments: list[str] = []
    config = ""
    while rest:
        word = rest.pop(0)
        if word in ("-f", "--config") and rest:
            config = rest.pop(0)
        elif re.match(r"(-f|--config|--JupyterHub\.config_file)=", word):
            config = word.partition("=")[2]
        else:
            arguments.append(word)
    return HubCommand(python, arguments, config)


def hub_command(unit: Unit) -> HubCommand:
    """Return the unit's command, its configuration file made absolute; the hub's own default where it names none."""
    command = parse_command(unit.command, unit.environment["PATH"])
    config = command.config or "jupyterhub_config.py"
    command.config = os.path.join(unit.working_directory, config)
    return command


def hub_surroundings(unit: Unit) -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` for the account, environment and directory that the unit gives the hub."""
    account = pwd.getpwnam(unit.user)
    surroundings: dict[str, Any] = {
        "cwd": unit.working_directory if os.path.isdir(unit.working_directory) else "/",
        "env": {
            "HOME": account.pw_dir,
            "USER": account.pw_name,
            "LOGNAME": account.pw_name,
            **unit.environment,
        },
        "text": True,
        "errors": "replace",
    }
    if os.geteuid() == 0 and account.pw_uid != 0:
        groups = [group.gr_gid for group in grp.getgrall() if account.pw_name in group.gr_mem]
        surroundings |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
    return surroundings


def run_as_hub(
    unit: Unit, command: list[str], timeout: float, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command as the hub would run it, and return what it printed."""
    options |= hub_surroundings(unit)
    return subprocess.run(command, capture_output=True, timeout=timeout, check=False, **options)
