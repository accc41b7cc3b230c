# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add, find and remove the marked block at the end of the main configuration file. These are pure functions of the file's bytes."""

from __future__ import annotations

import glob
import os
import re

NAME = "collab.jupyterhub"
# Recorded in the block if the file did not end with a newline, so that removing the block restores the same bytes.
UNTERMINATED = " (after a line without an end)"
# Code above the block may have reassigned `c`, `get_config` or built-in names such as `sorted`. So get the configuration from the loader,
# which is up the call stack, and the built-in functions from their module.
BLOCK = """\
# BEGIN {name}{note}
# Managed by Ansible: loads the files in {directory} in the order of their names, after the settings above.
# Change the variables of the collection's roles instead of these lines. Keep these lines at the end of the file.
import builtins as _collab, glob as _collab_glob, runpy as _collab_runpy, sys as _collab_sys
_collab_frame = _collab_sys._getframe()
while _collab_frame and not _collab.hasattr(_collab_frame.f_locals.get("self"), "load_config"):
    _collab_frame = _collab_frame.f_back
_collab_c = _collab_frame.f_locals["self"].config if _collab_frame else c
for _collab_path in _collab.sorted(_collab_glob.glob({pattern!r})):
    _collab_runpy.run_path(_collab_path, {{"c": _collab_c}})
del _collab_frame
# END {name}
"""
OURS = re.compile(
    rb"^# BEGIN "
    + re.escape(NAME.encode())
    + rb"(?P<note>[^\r\n]*)\r?\n.*?^# END "
    + re.escape(NAME.encode())
    + rb"\r?\n?",
    re.M | re.S,
)


def python_file(path: str) -> str:
    """Return the file to add the block to, for a hub's configuration file.

    If that is JSON, it is the Python file of the same name next to it, which a hub also reads.
    """
    base, extension = os.path.splitext(os.path.realpath(path))
    return base + ".py" if extension == ".json" else base + extension


def json_file(path: str) -> str:
    """Return the path of the JSON file that a hub reads after a Python file, if it exists."""
    return os.path.splitext(path)[0] + ".json"


def fragments_directory(main: str) -> str:
    """Return the directory of a main file's fragments. It is next to the file itself, not next to a link to it."""
    return os.path.join(os.path.dirname(os.path.realpath(main)), "jupyterhub_collab.d")


def fragment_path(main: str, name: str) -> str:
    """Return the path of a fragment of a main file."""
    return os.path.join(fragments_directory(main), name + ".py")


def fragments_in(directory: str) -> list[str]:
    """Return the paths of the fragments in a directory, whose name may contain brackets."""
    return glob.glob(_pattern(directory))


def _pattern(directory: str) -> str:
    return f"{glob.escape(directory)}/*.py"


def block(directory: str, unterminated: bool) -> bytes:
    """Return the block that loads the fragments in a directory.

    unterminated: whether the last line above the block had no newline.
    """
    note = UNTERMINATED if unterminated else ""
    return BLOCK.format(name=NAME, note=note, directory=directory, pattern=_pattern(directory)).encode()


def without_block(main: bytes) -> bytes:
    """Return the main file without our block, byte for byte as the administrator wrote it."""
    match = OURS.search(main)
    if not match:
        return main
    before, after = main[: match.start()], main[match.end() :]
    if match["note"].decode() == UNTERMINATED and not after:
        before = before[:-1]
    return before + after


def with_block(main: bytes, directory: str) -> bytes:
    """Return the main file with our block at the end. An existing block is replaced, wherever it is."""
    main = without_block(main)
    unterminated = bool(main) and not main.endswith(b"\n")
    return main + (b"\n" if unterminated else b"") + block(directory, unterminated)


def find_block(main: bytes) -> bytes:
    """Return our block in the main file, or an empty string."""
    match = OURS.search(main)
    return match.group() if match else b""


def foreign_block(marker: str) -> re.Pattern[bytes]:
    """Return the pattern of a block that Ansible's `blockinfile` wrote with a marker such as `# {mark} NAME`.

    It does not include empty lines that `blockinfile` may have added before and after the block: they stay in the file.
    """
    begin, end = (re.escape(marker.replace("{mark}", mark).encode()) for mark in ("BEGIN", "END"))
    return re.compile(rb"^" + begin + rb"\r?\n.*?^" + end + rb"\r?\n?", re.M | re.S)


def without_foreign_blocks(main: bytes, markers: list[str]) -> bytes:
    """Return the main file without the blocks with these markers, which our block replaces."""
    for marker in markers:
        main = foreign_block(marker).sub(b"", main)
    return main


def same_directory(unit: str, main: str) -> str:
    """Return the sentence for a main file that is in the same directory as that of another hub. unit: the other hub's."""
    return (
        f"the hub {unit} has its configuration in the same directory, {os.path.dirname(main)}, so each hub would load what the other one is "
        "given. Move the main file of one of them to a directory of its own"
    )
