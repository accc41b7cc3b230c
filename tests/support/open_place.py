# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory for tests that involve other accounts of the host. pytest makes its own directories private at the start of each run."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_place() -> Iterator[Path]:
    """Yield a directory that every account can enter and read."""
    with tempfile.TemporaryDirectory(prefix="collab-test-", ignore_cleanup_errors=True) as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)
