# SPDX-License-Identifier: GPL-3.0-or-later
"""Merge the settings made with `tljh-config` into the defaults. The proxy reads them as well, and listens where they say."""

import json
import sys
from pathlib import Path

FILE = Path("/opt/tljh/config/config.yaml")  # written as JSON, which is also YAML
USUAL = {
    "base_url": "/",
    "http": {"address": "", "port": 80},
    "https": {"enabled": False, "address": "", "port": 443, "letsencrypt": {"email": "", "domains": []}},
    "limits": {"memory": None, "cpu": None},
    "users": {"allowed": ["alice", "bob"], "admin": ["carol"]},
}


def merged(one, other):
    both = {name: merged(one.get(name, {}), value) if isinstance(value, dict) else value for name, value in other.items()}
    return {**one, **both}


def own():
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def load_config():
    return merged(USUAL, own())


def main():
    """tljh-config show | tljh-config set KEY.KEY VALUE"""
    if sys.argv[1] == "set":
        change = sys.argv[3]
        for key in reversed(sys.argv[2].split(".")):
            change = {key: change}
        FILE.write_text(json.dumps(merged(own(), change)))
    print(FILE.read_text())


if __name__ == "__main__":
    main()
