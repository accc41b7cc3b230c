# SPDX-License-Identifier: GPL-3.0-or-later
"""Create alice and bob with random passwords, and write the passwords to a file that only root can read.

python3 demo_people.py FILE
"""

import json
import os
import secrets
import subprocess
import sys

PEOPLE = ("alice", "bob")


def main(path: str) -> None:
    passwords = {name: secrets.token_hex(4) for name in PEOPLE}
    subprocess.run(["groupadd", "--force", "--system", "jupyterhub"], check=True)
    for name in PEOPLE:
        there = subprocess.run(["id", name], capture_output=True, check=False).returncode == 0
        if not there:
            command = ["useradd", "--create-home", "--shell", "/bin/bash", "--groups", "jupyterhub", name]
            subprocess.run(command, check=True)
    lines = "".join(f"{name}:{password}\n" for name, password in passwords.items())
    subprocess.run(["chpasswd"], input=lines, text=True, check=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(passwords, file)


if __name__ == "__main__":
    main(sys.argv[1])
