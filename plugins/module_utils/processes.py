# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose rights the processes of this host have."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


def everybody() -> Iterator[tuple[int, list[int], list[int]]]:
    """Yield each process with the numbers of its users, and of its groups."""
    for name in os.listdir("/proc"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended this instant
            if name.isdigit():
                numbers: dict[str, list[int]] = {"Uid": [], "Gid": [], "Groups": []}
                ended = False
                with open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as file:
                    for line in file:
                        kind, _colon, value = line.partition(":")
                        if kind in numbers:
                            numbers[kind] = [int(number) for number in value.split()]
                        elif kind == "State":  # nobody has asked yet how it ended
                            ended = value.split()[0] in ("Z", "X")
                if not ended:
                    yield int(name), numbers["Uid"], numbers["Gid"] + numbers["Groups"]
