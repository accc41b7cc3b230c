# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute how users share their own servers, with pure functions of the variables of role jupyterhub_rtc."""

from __future__ import annotations

import re
from typing import Any

OLDEST_PYTHON = "3.11"  # of the hub and of JupyterLab, because both run the collection's package
# The first release of each major version that fixes the vulnerability in sharing (GHSA-c4gm-pwx9-9w8j).
OLDEST_HUB_TO_SHARE = {5: "5.5.4", 6: "6.1.1"}
# The access levels at which users can share, lowest first.
LEVELS = ("view", "edit")
# JupyterHub's limits for the lifetime of a share code, in seconds.
SHORTEST_LINK = 60
LONGEST_LINK = 31536000
# JupyterHub's default is 300 seconds.
REVOCATION = range(1, 301)
PORTS = range(65536)  # 0: the default port


def problems(settings: dict[str, Any]) -> list[str]:
    """Return the problems of the variables, as sentences that say how to fix each one."""
    link, longest = settings["link_seconds"], settings["longest_link_seconds"]
    revocation, port, log = settings["revocation_seconds"], settings["port"], settings["log"]
    found = []
    if not SHORTEST_LINK <= longest <= LONGEST_LINK:
        found.append(
            f"jupyterhub_sharing_longest_link_seconds is {longest}. Set it to a number from {SHORTEST_LINK} to {LONGEST_LINK} (one year)"
        )
    if not SHORTEST_LINK <= link <= longest:
        found.append(
            f"jupyterhub_sharing_link_seconds is {link}. Set it to a number from {SHORTEST_LINK} to "
            f"jupyterhub_sharing_longest_link_seconds, which is {longest}"
        )
    found += _level_problems(settings["level"], settings["highest_level"])
    for name in ("links_per_server", "guesses_per_minute"):
        if (most := settings[name]) < 1:
            found.append(f"jupyterhub_sharing_{name} is {most}. Set it to 1 or more")
    if revocation not in REVOCATION:
        found.append(
            f"jupyterhub_sharing_revocation_seconds is {revocation}. Set it to a number from {REVOCATION[0]} to {REVOCATION[-1]}"
        )
    if port not in PORTS:
        found.append(f"jupyterhub_sharing_port is {port}. Set it to a number from {PORTS[0]} to {PORTS[-1]}")
    if log and not re.fullmatch(r"/[^\n]*[^/\n]", log):
        found.append(
            f"jupyterhub_sharing_log is {log!r}. Set it to the absolute path of a file on the hub's host"
        )
    return found


def _level_problems(level: str, highest: str) -> list[str]:
    choices = " or ".join(LEVELS)
    found = [
        f"jupyterhub_sharing_{name} is {value!r}. Set it to {choices}"
        for name, value in (("level", level), ("highest_level", highest))
        if value not in LEVELS
    ]
    if not found and LEVELS.index(level) > LEVELS.index(highest):
        found.append(
            f"jupyterhub_sharing_level is {level}. Set it to a level up to jupyterhub_sharing_highest_level, which is {highest}"
        )
    return found


def python_problem(found: dict[str, Any], what: str) -> str:
    """Return why the Python of the hub or of JupyterLab is not supported; empty if it is. found: what module hub_info has found."""
    version = found.get("python_version", "")
    if not version or release(version) >= release(OLDEST_PYTHON):
        return ""
    return f"{what} runs with Python {version}, but collaboration needs {OLDEST_PYTHON} or newer. Recreate its environment with a newer Python"


def can_share(hub_version: str) -> bool:
    """Return whether this version of JupyterHub has no known vulnerability in sharing."""
    version = release(hub_version)
    oldest = OLDEST_HUB_TO_SHARE.get(version[0], OLDEST_HUB_TO_SHARE[max(OLDEST_HUB_TO_SHARE)])
    return version >= release(oldest)


def hole(hub_version: str) -> str:
    """Return a sentence that says why users cannot share with this version of JupyterHub."""
    return (
        f"Users cannot share their own servers, because JupyterHub {hub_version} has a known vulnerability in sharing. "
        f"Update it to {' or '.join(OLDEST_HUB_TO_SHARE.values())}"
    )


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version without a pre-release suffix: `4.6.0rc1` is (4, 6, 0)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in match.group().split(".")) if match else ()


def levels(settings: dict[str, Any], *, live: bool) -> dict[str, Any]:
    """Return what JupyterLab's dialog offers for a link: `levels`, and `level` as the default. live: whether servers enforce levels."""
    offered = ["view"] * live + ["edit"] * (settings["highest_level"] == "edit")
    return {"levels": offered, "level": settings["level"]}


def table(settings: dict[str, Any]) -> list[str]:
    """Return sentences that say who can share, and who can ask for it."""
    groups = settings["groups"]
    who = f"Members of {' or '.join(groups)}" if groups else "Users"
    how = "by link and by name" if settings["by_name"] else "by link"
    ends = (
        "shares end when it stops"
        if settings["lifetime"] == "session"
        else "shares last until they are revoked"
    )
    what = (
        "let others view their own server"
        if settings["highest_level"] == "view"
        else "share their own server"
    )
    asks = ["Users without access to a server can request it from its owner"] if settings["requests"] else []
    return [f"{who} can {what} on the hub's sharing page, {how}; {ends}", *asks]
