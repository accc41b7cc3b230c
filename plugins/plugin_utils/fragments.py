# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a policy as fragments of the hub's configuration."""

from __future__ import annotations

from typing import Any

from .policy.settings import Settings
from .templates import render

# Fragments run in the order of their names, so the later ones add to the first.
LIVE, SHARING, PROJECTS = "50-rtc", "60-sharing", "70-projects"


def fragments(settings: Settings, policy: dict[str, Any], projects: dict[str, Any]) -> dict[str, str]:
    """Return the text of each fragment by its name, or an empty text if the hub does not need it.

    policy: see `policy.rtc.policy`. projects: see `policy.projects.policy`.
    """
    data = {"policy": policy, "projects": projects, "settings": settings}
    wanted = {
        LIVE: policy["live"] and "rtc.py.j2",
        SHARING: policy["sharing"] and "sharing.py.j2",
        PROJECTS: projects["opens_servers"] and "projects.py.j2",
    }
    return {name: render(template, **data) if template else "" for name, template in wanted.items()}
