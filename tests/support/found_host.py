# SPDX-License-Identifier: GPL-3.0-or-later
"""What module hub_info finds on a host with a hub and without collaboration, as far as the policy and the plan need it."""

from typing import Any

HOST: dict[str, Any] = {
    "hub": {"version": "6.1.1"},
    "service": {"name": "jupyterhub", "user": "root"},
    "lab": {
        "versions": {"jupyterlab": "4.6.6", "jupyterhub": "6.1.1"},
        "unfinished": False,
        "environment": "/opt/lab",
        "python": "/opt/lab/bin/python",
        "collaboration_since": 0,
        "settings": {},
    },
    "remembered": {
        "other_units": [],
        "environments": ["/opt/lab"],
        "accounts": [],
        "projects": {},
        "projects_of_others": [],
        "project_users_of_others": [],
    },
    "servers": {"account_names": "{USERNAME}", "running": []},
    "account": {"name": "shared", "exists": False},
    "config": {"accounts": [], "markers": [], "state_directory": "/var/lib/state"},
    "group": {"exists": True},
    "shared_accounts": [],
    "shared_users": [],
    "people": None,
}
