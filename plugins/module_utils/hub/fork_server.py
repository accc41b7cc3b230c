# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load JupyterHub's code once, and run modules of the package in forks of this process, each as if it had been started for it.

    python -c CODE SOURCE

The hub's own interpreter runs this, with a socket as its standard input (see `loaded`). It loads nothing of the package, and ends with
the process that has the other end of the socket.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import importlib.abc
import json
import os
import signal
import socket
import sys
import time
from typing import Any

LOAD = "jupyterhub.app"
REFUSED = b"-"


class Absent(importlib.abc.MetaPathFinder):
    """The last finder. It learns the names of the modules that no other finder has found."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        self.names.add(fullname)


class Code:
    """The code that this process has loaded."""

    def __init__(self) -> None:
        # A little earlier, because the clock of a file system is coarser.
        begun, clock = time.time_ns() - 50_000_000, time.monotonic()
        self.absent = Absent()
        sys.meta_path.append(self.absent)
        # If this fails, each process finds out for itself.
        with contextlib.suppress(Exception):
            importlib.import_module(LOAD)
        self.seconds = time.monotonic() - clock
        self.path_files = path_files()
        sources = [getattr(module, "__file__", None) for module in [*sys.modules.values()]]
        self.files = {path: state(path) for path in [*self.path_files, *filter(None, sources)]}
        self.is_usable = LOAD in sys.modules and all(
            each and each[-1] < begun for each in self.files.values()
        )

    def is_current(self) -> bool:
        """Return whether a new process would load the same code, because packages may have been installed meanwhile."""
        importlib.invalidate_caches()
        return (
            self.is_usable
            and path_files() == self.path_files
            and all(state(path) == before for path, before in self.files.items())
            and not any(map(is_there, self.absent.names - sys.modules.keys()))
        )


def path_files() -> list[str]:
    """Return the files that add to `sys.path` when an interpreter starts."""
    return sorted(path for place in sys.path for path in glob.glob(f"{glob.escape(place)}/*.pth"))


def state(path: str) -> tuple[int, ...]:
    """Return what changes with a file, last the time of its last change in nanoseconds, or nothing if it does not exist."""
    with contextlib.suppress(OSError):
        there = os.stat(path)
        return there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns
    return ()


def is_there(name: str) -> bool:
    """Return whether a finder finds a module."""
    above = sys.modules.get(name.rpartition(".")[0])
    try:
        return any(each.find_spec(name, getattr(above, "__path__", None)) for each in sys.meta_path)
    except Exception:
        return True


def serve(link: socket.socket, code: Code) -> dict[str, Any]:
    """Fork for each message, and return the question of a message in its fork.

    A message has five files: the question, which is a JSON object; standard input, output and error; and where the answers to two
    questions are written, whether the question is taken, and the exit status.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, files, _flags, _address = socket.recv_fds(link, 1, 5)
        if not message:
            os._exit(0)
        question, *standard, status = files
        taken = code.is_current()
        os.write(status, f"{code.seconds:.3f}".encode() if taken else REFUSED)
        if taken and os.fork() == 0:
            link.close()
            _wait_for_a_fork([question, *standard], status)
            for number, file in enumerate(standard):
                os.dup2(file, number)
                os.close(file)
            with os.fdopen(question) as text:
                return dict(json.load(text))
        for file in files:
            os.close(file)


def _wait_for_a_fork(files: list[int], status: int) -> None:
    """Return in a fork. Wait for it here, and tell how it has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if process := os.fork():
        for file in files:
            os.close(file)
        _process, ended = os.waitpid(process, 0)
        os.write(status, str(os.waitstatus_to_exitcode(ended)).encode())
        os._exit(0)
    os.close(status)


if __name__ == "__main__":
    code = Code()
    asked = serve(socket.socket(fileno=0), code)
    sys.meta_path.remove(code.absent)
    sys.path.insert(0, asked["path"])
    sys.argv[1:] = asked["arguments"]
    importlib.import_module(asked["module"]).main(*asked["arguments"])
