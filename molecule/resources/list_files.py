# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists every file of the host with mode, owner and checksum, but for what a running system writes by itself.

python3 list_files.py OUTPUT
"""

import hashlib
import os
import stat
import sys

PASSED_OVER = (
    *(
        "/proc",
        "/sys",
        "/dev",
        "/run",
        "/tmp",
        "/var/tmp",
        "/var/log",
        "/var/cache",
        "/var/backups",
        "/var/lib/apt",
        "/var/lib/systemd",
        "/root",
    ),
    "/var/lib/jupyterhub",  # the hub's database
    "/var/lib/private",
)


def describe(path: str) -> str:
    found = os.lstat(path)
    content = ""
    if stat.S_ISREG(found.st_mode):
        with open(path, "rb") as file:
            content = hashlib.md5(file.read()).hexdigest()
    elif stat.S_ISLNK(found.st_mode):
        content = os.readlink(path)
    return f"{path}\t{stat.filemode(found.st_mode)}\t{found.st_uid}:{found.st_gid}\t{content}"


def main(output: str) -> None:
    lines = []
    for directory, names, files in os.walk("/"):
        names[:] = [
            name
            for name in names
            if name != "__pycache__" and not os.path.join(directory, name).startswith(PASSED_OVER)
        ]
        lines += [describe(os.path.join(directory, name)) for name in (*names, *files)]
    with open(output, "w") as file:
        file.writelines(line + "\n" for line in sorted(lines))


if __name__ == "__main__":
    main(sys.argv[1])
