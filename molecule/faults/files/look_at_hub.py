# SPDX-License-Identifier: GPL-3.0-or-later
"""Print as JSON what a change of a hub may touch: python3 look_at_hub.py UNIT. See `Sight` in tests/support/faults.py."""

import glob
import hashlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from contextlib import closing
from typing import Any

DIRECTORIES = (
    "/usr/local/etc/jupyter",
    "/usr/local/lib/collab.jupyterhub",
    "/var/lib/collab.jupyterhub",
    "/run/systemd/system",
)
# uv has thousands of files, and no change touches any of them.
PASSED_OVER = ("__pycache__", "uv")
UNFINISHED = "/usr/local/jupyterhub/.*.json"  # the journals of installations
DATABASE = "file:/var/lib/jupyterhub/jupyterhub.sqlite?mode=ro"


def files() -> dict[str, list[Any]]:
    paths = glob.glob(UNFINISHED)
    for top in DIRECTORIES:
        for directory, names, others in os.walk(top):
            names[:] = [name for name in names if name not in PASSED_OVER]
            paths += [os.path.join(directory, name) for name in (*names, *others)]
    return {path: describe(path) for path in paths}


def describe(path: str) -> list[Any]:
    seen = os.lstat(path)
    content = ""
    if stat.S_ISREG(seen.st_mode):
        with open(path, "rb") as file:
            content = hashlib.md5(file.read()).hexdigest()
    return [oct(seen.st_mode), seen.st_uid, seen.st_gid, content]


def roles() -> dict[str, list[Any]]:
    """Return the scopes and the users of every role. The role `user` has no list of users, because everyone holds it."""
    with closing(sqlite3.connect(DATABASE, uri=True)) as db:
        users = "select group_concat(u.name) from user_role_map m join users u on u.id = m.user_id where m.role_id = r.id"
        query = f"select r.name, r.scopes, ({users}) from roles r where r.name not like 'collab-moment-%'"
        return {
            name: [
                sorted(json.loads(scopes)),
                sorted(members.split(",")) if members and name != "user" else [],
            ]
            for name, scopes, members in db.execute(query)
        }


def answers() -> bool:
    try:
        with urllib.request.urlopen("http://127.0.0.1:8081/hub/api/", timeout=3) as answer:
            return "version" in json.load(answer)
    except (OSError, ValueError):
        return False


def output(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def main(unit: str) -> None:
    sight = {
        "files": files(),
        "roles": roles(),
        "invocation": output("systemctl", "show", unit, "--property=InvocationID", "--value"),
        "servers": [int(pid) for pid in output("pgrep", "--uid=alice", "--full", "singleuser").split()],
        "answers": answers(),
    }
    print(json.dumps(sight))


if __name__ == "__main__":
    main(sys.argv[1])
