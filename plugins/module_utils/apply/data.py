# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handle the steps of a plan as plain data. The controller needs this, too.

A step has `name`, what its result is called; `does`, a key of `kinds.KINDS`; and `options`, whose types and defaults are there. One of several
with the same name has the `item` that it is about. A step with `unless` has nothing to do if its settings are this text, once the hub's prefix
is known. A step that changes what the next plan says, such as an installation, has `once`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

Steps = list[dict[str, Any]]
# Stands for the hub's prefix, which is known after the hub's configuration was loaded.
BASE_URL = "@BASE_URL@"


def steady(steps: Steps) -> Steps:
    """Return what the steps have in common with those of a next plan for the same variables."""
    return [
        {name: "" if name == "unless" else value for name, value in step.items()}
        for step in steps
        if not step.get("once")
    ]


def digest(value: Any) -> str:
    """Return a text that stands for plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def menu(step: dict[str, Any], base_url: str) -> str:
    """Return the settings of a step as a text."""
    return json.dumps(with_base_url(step["options"], base_url)["settings"], sort_keys=True)


def with_base_url(options: dict[str, Any], base_url: str) -> dict[str, Any]:
    """Return options with the hub's prefix."""
    replaced: dict[str, Any] = json.loads(json.dumps(options).replace(BASE_URL, base_url))
    return replaced
