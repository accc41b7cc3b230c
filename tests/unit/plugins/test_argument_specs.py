# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles check the types and choices of their variables by their argument specs, wherever a play enters them."""

from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from role_variables import RoleVariables
from scenario import ROOT

# Where plays enter a role, before anything changes.
ENTRIES = [
    ("jupyterhub", "main"),
    ("jupyterhub_rtc", "main"),
    ("jupyterhub_rtc", "kubernetes"),
    ("jupyterhub_verify", "main"),
]


def options(role: str, entry: str) -> dict[str, Any]:
    specs = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())
    found: dict[str, Any] = specs["argument_specs"][entry]["options"]
    return found


@pytest.mark.parametrize(("role", "entry"), ENTRIES)
def test_every_variable_is_checked_at_every_entry(role: str, entry: str) -> None:
    path = ROOT / f"roles/{role}/defaults/main.yml"
    # Without a file of defaults, they are in the spec of the main entry.
    variables = yaml.safe_load(path.read_text()) if path.exists() else options(role, "main")
    assert {*variables} <= {*options(role, entry)}


@pytest.mark.parametrize(
    ("role", "entry", "wrong"),
    [
        ("jupyterhub_rtc", "main", {"jupyterhub_rtc_servers": "nobody"}),
        ("jupyterhub_rtc", "main", {"jupyterhub_rtc_idle_seconds": "soon"}),
        ("jupyterhub_rtc", "main", {"jupyterhub_rtc_state": ""}),
        ("jupyterhub_rtc", "main", {"jupyterhub_sharing_lifetime": "forever"}),
        ("jupyterhub_rtc", "main", {"jupyterhub_projects": [{"name": "rain", "memory": "4G"}]}),
        ("jupyterhub_rtc", "main", {"jupyterhub_projects": [{"manage": {"users": ["alice"]}}]}),
        ("jupyterhub_rtc", "main", {"jupyterhub_projects_repair_minutes": "often"}),
        ("jupyterhub_rtc", "main", {"jupyterhub_server_access": [{"owner": "carol", "level": "own"}]}),
        ("jupyterhub_verify", "main", {"jupyterhub_verify_start_seconds": "long"}),
    ],
)
def test_wrong_value_is_refused_by_the_spec(role: str, entry: str, wrong: dict[str, Any]) -> None:
    spec = options(role, entry)
    validator = ArgumentSpecValidator(spec)
    variables = RoleVariables(role)
    good = {name: variables[name] for name in spec if name in variables}
    assert validator.validate(good).error_messages == []
    (told,) = validator.validate(good | wrong).error_messages
    assert next(iter(wrong)) in told
