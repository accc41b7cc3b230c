# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep secrets that are part of an address out of the log of this process, and lines that a request contains.

An address that a browser requests may be logged, and is always logged if the request is refused. What it contains may then still be valid.
It may also contain line breaks, or sequences that change what a terminal shows.
"""

from __future__ import annotations

import logging
import re
from typing import Any

# tornado's, for requests, for refusals and for errors.
LOGGERS = ("tornado.access", "tornado.general", "tornado.application")
# A parameter with a secret: a link's or an authorization code, or a token. The address may be percent-encoded as part of another one, as in
# `next` of the login page, once more for each login page in between.
SECRET = re.compile(
    r"""((?:[?&]|%(?:25)*(?:3F|26))(?:code|token)(?:=|%(?:25)*3D))(?:(?!%(?:25)*26)[^&\s"'])+""",
    re.IGNORECASE,
)


class Stars(logging.Filter):
    """Replaces secrets with a star and invisible characters with escapes, and logs everything else."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        starred = SECRET.sub(r"\1*", escaped(said))
        if starred != said:
            record.msg, record.args = starred, ()
        return True


class Indented(logging.Formatter):
    """Indents tracebacks, whose last lines may come from a request."""

    def formatException(self, ei: Any) -> str:
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"  {escaped(line)}" for line in lines)


def escaped(text: str) -> str:
    """Return text on one line: without line breaks, control characters, and those that change the direction of text."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


def keep_secrets() -> None:
    """From now on, do so in the messages of tornado and, as it uses tornado's loggers for requests, of JupyterHub."""
    for logger in map(logging.getLogger, LOGGERS):
        if not any(isinstance(each, Stars) for each in logger.filters):
            logger.addFilter(Stars())
