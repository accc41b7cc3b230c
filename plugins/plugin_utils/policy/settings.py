# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolve the variables of role jupyterhub_rtc once: other names, types and defaults. The policy gets typed values only."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .rtc import level

SPECS = Path(__file__).parents[3] / "roles/jupyterhub_rtc/meta/argument_specs.yml"
# The playbook's own names of variables, and those of the role. An empty one is treated as unset.
ALIASES = {
    f"jupyter_rtc_{name}": f"jupyterhub_rtc_{name}"
    for name in ("state", "share_all_users", "venv", "config_path", "user_sharing", "servers")
}
# The policy checks the entries of these lists, and says which entry is wrong.
LISTS = ("jupyterhub_projects", "jupyterhub_server_access")


class Mistakes(ValueError):
    """Variables have values of wrong types, or values that are no choice. The message names them."""


@dataclass(frozen=True)
class Settings:
    """The variables with their final values, in the form that the policy expects.

    values: by the names of the variables. rtc: without the prefix, with those of sharing in `sharing` (see `rtc.py`). projects: those that
    concern projects (see `projects.py`). kubernetes: those that concern a hub on Kubernetes (see `kubernetes.py`).
    """

    values: dict[str, Any]
    rtc: dict[str, Any]
    projects: dict[str, Any]
    kubernetes: dict[str, Any]


@cache
def spec() -> dict[str, dict[str, Any]]:
    """Return the role's argument spec: type, default and choices of each variable."""
    loaded = yaml.load(SPECS.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    options: dict[str, dict[str, Any]] = loaded["argument_specs"]["main"]["options"]
    for name, option in options.items():
        # Paths are the host's. The type `path` would replace ~ and variables by what they are on the controller.
        option["type"] = "str" if option["type"] == "path" else option["type"]
        if name in LISTS:
            del option["options"]
    return options


def names() -> list[str]:
    """Return the names of all variables."""
    return [*spec(), *ALIASES]


def resolve(given: Mapping[str, Any], inventory_hostname: str = "") -> Settings:
    """Return the final values. Raises Mistakes.

    given: plain data, by the names of the variables that are set. inventory_hostname: the host's name in the inventory.
    """
    wanted = {name: given[name] for name in spec() if given.get(name) is not None}
    values, mistakes = _typed(wanted, spec())
    aliases = {}
    for alias, name in ALIASES.items():
        if given.get(alias) not in (None, ""):
            typed, wrong = _typed({name: given[alias]}, {name: spec()[name]})
            aliases[alias] = typed[name]
            mistakes += [f"{alias}: {each}" for each in wrong]
            if name not in wanted:
                values[name] = typed[name]
    if mistakes:
        raise Mistakes(". ".join(each.rstrip(".") for each in mistakes))
    return _settings(values, aliases, inventory_hostname)


def _typed(given: dict[str, Any], options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return values with their types and defaults, and what is wrong with them."""
    result = ArgumentSpecValidator(copy.deepcopy(options)).validate(given)
    return dict(result.validated_parameters), list(result.error_messages)


def _settings(values: dict[str, Any], aliases: dict[str, Any], inventory_hostname: str) -> Settings:
    def of(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}

    projects, access = (values[name] for name in LISTS)
    rtc = of("jupyterhub_rtc_") | {
        "sharing": of("jupyterhub_sharing_"),
        "playbook_share_all_users": aliases.get("jupyter_rtc_share_all_users"),
        "inventory_hostname": inventory_hostname,
        # Whether projects, or access to other users' servers, open servers.
        "opens_servers": bool(projects or access),
    }
    return Settings(
        values,
        rtc,
        of("jupyterhub_projects_")
        | {
            "projects": projects,
            "server_access": access,
            "group": rtc["group"],
            "shared_user": rtc["user"],
            "all_users_mode": rtc["share_all_users"],
            "level": level(rtc),
            "servers": rtc["servers"],
        },
        of("jupyterhub_kubernetes_")
        # These mean something else on Kubernetes, or nothing.
        | {name: rtc[name] for name in ("state", "servers", "user", "refuse_unprepared")}
        | {f"sharing_{name}": rtc["sharing"][name] for name in ("log", "port")}
        | {"projects": projects},
    )
