# SPDX-License-Identifier: GPL-3.0-or-later
"""Change what tornado's formatter logs, tracebacks included. JupyterHub and Jupyter use it for everything.

A filter of a logger does not see what its child loggers log, and none sees tracebacks.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from functools import wraps
from logging import LogRecord
from typing import Any

from tornado.log import LogFormatter

from .releases import patches_tornado


@patches_tornado("tornado.log:LogFormatter.format(self, record)")
def log_lines(quiet: Callable[[str], str]) -> None:
    """From now on, pass each line of messages and tracebacks to a function, and log what it returns.

    The formatter indents further lines, so that none looks like a message.
    """
    kind: Any = LogFormatter
    theirs = kind.format
    if hasattr(theirs, "is_quiet"):
        return

    def lines(text: str) -> str:
        return "\n".join(map(quiet, text.split("\n")))

    @wraps(theirs)
    def format_quietly(formatter: Any, record: LogRecord) -> Any:
        # Others may format the same record.
        record = copy.copy(record)
        with contextlib.suppress(Exception):  # the formatter says what is wrong with it
            record.msg, record.args = lines(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = lines(formatter.formatException(record.exc_info))
        return theirs(formatter, record)

    format_quietly.is_quiet = True  # type: ignore[attr-defined]
    kind.format = format_quietly
