# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that tests start."""

import subprocess
from types import TracebackType
from typing import AnyStr


class Child(subprocess.Popen[AnyStr]):
    """A program that is killed at the end of its `with` block, also if a test fails. `subprocess.Popen` would wait for it without end."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        super().__exit__(kind, error, trace)
