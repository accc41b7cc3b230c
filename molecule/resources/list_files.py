# SPDX-License-Identifier: GPL-3.0-or-later
"""List every file of the host with mode, owner and checksum, except what a running system writes on its own.

python3 list_files.py OUTPUT

Files whose metadata is the same as in the last list are not read again.
"""

import hashlib
import json
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


MEMORY = "/root/files.memory"


class Checksums:
    """Checksums of files, each with the file's metadata when it was read."""

    def __init__(self) -> None:
        self.before: dict[str, list[str]] = {}
        if os.path.exists(MEMORY):
            with open(MEMORY) as file:
                self.before = json.load(file)
        self.now: dict[str, list[str]] = {}

    def of(self, path: str, found: os.stat_result) -> str:
        state = f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_ctime_ns}"
        known, checksum = self.before.get(path, ["", ""])
        if known != state:
            with open(path, "rb") as file:
                checksum = hashlib.md5(file.read()).hexdigest()
        self.now[path] = [state, checksum]
        return checksum

    def keep(self) -> None:
        with open(MEMORY, "w") as file:
            json.dump(self.now, file)


def describe(path: str, checksums: Checksums) -> str:
    found = os.lstat(path)
    content = ""
    if stat.S_ISREG(found.st_mode):
        content = checksums.of(path, found)
    elif stat.S_ISLNK(found.st_mode):
        content = os.readlink(path)
    return f"{path}\t{stat.filemode(found.st_mode)}\t{found.st_uid}:{found.st_gid}\t{content}"


def main(output: str) -> None:
    lines = []
    checksums = Checksums()
    for directory, names, files in os.walk("/"):
        names[:] = [
            name
            for name in names
            if name != "__pycache__" and not os.path.join(directory, name).startswith(PASSED_OVER)
        ]
        lines += [describe(os.path.join(directory, name), checksums) for name in (*names, *files)]
    checksums.keep()
    with open(output, "w") as file:
        file.writelines(line + "\n" for line in sorted(lines))


if __name__ == "__main__":
    main(sys.argv[1])
