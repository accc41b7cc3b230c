# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments with which the fragment calls `collaborate` by default, for tests that configure a hub in their own process."""

from typing import Any

SETTINGS: dict[str, Any] = {
    "everyone": False,
    "accounts": ["team"],
    "owners": True,
    "state_directory": "",
    "refuse_unprepared": True,
    "history_megabytes": 100,
    "documents_per_person": 100,
    "websockets_per_person": 500,
    "mem_limit": "",
    "cpu_limit": 0.0,
    "idle_seconds": 0,
    "email_domain": "example.org",
}
