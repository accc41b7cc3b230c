# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory for tests in which other accounts of the host take part: pytest's own are closed to them by every pytest that starts."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_place() -> Iterator[Path]:
    """Yield a directory that every account passes and reads."""
    with tempfile.TemporaryDirectory(prefix="collab-test-", ignore_cleanup_errors=True) as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)
