# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints as JSON how many bytes of the disk the files of each package take in the Python environment that runs it."""

import json
from importlib.metadata import distributions
from pathlib import Path

sizes: dict[str, int] = {}
for package in distributions():
    files = [Path(file.locate()) for file in package.files or []]
    sizes[package.name] = sum(512 * file.stat().st_blocks for file in files if file.is_file())
print(json.dumps(sizes))
