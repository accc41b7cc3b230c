#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Python, and append the peak memory of its largest process, in kilobytes, to a log next to this file."""

import resource
import subprocess
import sys

code = subprocess.run(["/usr/bin/python3", *sys.argv[1:]], check=False).returncode
with open(f"{__file__}.log", "a", encoding="utf-8") as log:
    log.write(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}\n")
sys.exit(code)
