# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check whether a hub works, and describe in one sentence why it does not."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..host.systemd_unit import Unit
from .connection import Impostor, connection

POLL_SECONDS = 0.2
START_POLL_SECONDS = 0.05  # while people wait for the hub


def version(api_url: str, unit: Unit, timeout: float = 5) -> str | None:
    """Return the version of the hub that a unit runs, as reported by its API at this URL, or None if no hub answers.

    timeout: in seconds. Raises Impostor if another process listens there.
    """
    link = connection(api_url, timeout, unit)
    try:
        link.request("GET", urlsplit(api_url).path.rstrip("/") + "/", headers={"Accept": "application/json"})
        response = link.getresponse()
        body = response.read()
        return str(json.loads(body)["version"]) if response.status == 200 else None
    except Impostor:
        raise
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        link.close()


def wait_until_it_answers(
    show: Callable[[], Unit], hub: dict[str, Any], timeout: float, error: type[Exception]
) -> str:
    """Wait until the hub's API answers, and return the systemd invocation ID of the hub.

    show: returns the current state of the unit. Raises `error` if the process exits, or nothing answers within `timeout` seconds.
    """
    invocation = ""
    deadline = time.monotonic() + timeout
    while True:
        unit = show()
        invocation = invocation or unit.invocation
        answered = _version(hub, unit, error)
        if unit.properties.get("ActiveState") in ("failed", "inactive") or unit.invocation not in (
            "",
            invocation,
        ):
            raise error("the hub started and then stopped")
        if unit.running and answered:
            return invocation
        if time.monotonic() > deadline:
            raise error(f"the hub did not answer at {hub['api_url']} within {timeout:g} s")
        time.sleep(START_POLL_SECONDS)


def wait_until_it_stays(
    show: Callable[[], Unit], hub: dict[str, Any], invocation: str, moment: float, error: type[Exception]
) -> None:
    """Wait until a moment of `time.monotonic()`. Raises `error` if the hub with this invocation ID does not answer then."""
    while True:
        if show().invocation != invocation:
            raise error("the hub answered and then stopped")
        if (left := moment - time.monotonic()) <= 0:
            break
        time.sleep(min(left, POLL_SECONDS))
    if not _version(hub, show(), error):
        raise error(f"the hub answered at {hub['api_url']} and then stopped answering")


def _version(hub: dict[str, Any], unit: Unit, error: type[Exception]) -> str | None:
    """Return the same as `version`. Raises `error` if another process listens instead of the hub."""
    try:
        return version(hub["api_url"], unit)
    except Impostor as impostor:
        raise error(str(impostor)) from impostor


def wait_for_pages(
    show: Callable[[], Unit], hub: dict[str, Any], timeout: float, error: type[Exception]
) -> None:
    """Wait until the pages of the hub's services answer. Raises `error` if one does not within `timeout` seconds, or the hub stops."""
    deadline = time.monotonic() + timeout
    unit = show()
    for url in hub.get("pages", []):
        while not answers(url, unit):
            if show().invocation != unit.invocation:
                raise error("the hub answered and then stopped")
            if time.monotonic() > deadline:
                raise error(f"the hub runs, but its service at {url} did not answer within {timeout:g} s")
            time.sleep(START_POLL_SECONDS)


def answers(url: str, unit: Unit, timeout: float = 5) -> bool:
    """Return whether a service that the unit's hub has started answers at a URL with status 200."""
    link = connection(url, timeout, unit)
    try:
        link.request("GET", urlsplit(url).path)
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def roles_that_differ(wanted: dict[str, Any], held: dict[str, Any]) -> list[str]:
    """Return the names of the roles of a configuration that a live hub lacks, or has with other scopes or fewer members."""
    return sorted(
        name
        for name, role in wanted.items()
        if name not in held
        or role["scopes"] != held[name]["scopes"]
        or not set(role["users"]) <= set(held[name]["users"])
        or not set(role["groups"]) <= set(held[name]["groups"])
    )


def last_line(text: str) -> str:
    """Return the last line of a text that is not blank."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason given")


def cause(output: str) -> str:
    """Return why a Python program failed: its last exception, which more lines may follow, or else the last line of its output."""
    return (exceptions(output) or [last_line(output)])[-1]


def exceptions(output: str) -> list[str]:
    """Return the exceptions in the output of a hub, each as the last line of its traceback."""
    lines, hubs_own = [], True
    for line in output.splitlines():
        # Servers that run as children of the hub write to the same output.
        if record := re.match(r"\[[A-Z] [-\d]+ [:.\d]+ (\w+)", line):
            hubs_own = record.group(1) == "JupyterHub"
        if hubs_own:
            lines.append(line.strip())
    name = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Mismatch|NotFound)\b")
    return [line for line in lines if name.match(line)]


def reason(output: str, path: str) -> str:
    """Return a sentence that says why the configuration at `path` fails to load, from the hub's output."""
    # The line of the configuration that is nearest to the error, if the traceback names one.
    directory = re.escape(path.rpartition("/")[0])
    places = re.findall(rf'File "({directory}/[^"]+)", line (\d+)', output)
    where = f"{places[-1][0]}, line {places[-1][1]}" if places else path
    said = re.findall(r"^\[[CE] [^\]]*\] (.+)$", output, re.M)
    what = (exceptions(output) or said or [last_line(output)])[-1].strip()
    return f"the hub would not start with this configuration: {what} ({where})"
