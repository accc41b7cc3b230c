# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the disk usage of each package in this Python environment, in bytes, as JSON."""

import json
from importlib.metadata import distributions
from pathlib import Path

sizes: dict[str, int] = {}
for package in distributions():
    files = [Path(file.locate()) for file in package.files or []]
    sizes[package.name] = sum(512 * file.stat().st_blocks for file in files if file.is_file())
print(json.dumps(sizes))
