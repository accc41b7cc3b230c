# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep secrets that are part of an address out of the log of this process, and lines that a request or a name contains.

An address that a browser requests may be logged, and is always logged if the request is refused. What it contains may then still be valid.
It may also contain line breaks, or sequences that change what a terminal shows.
"""

from __future__ import annotations

import logging
import re

from .patches.log_format import log_lines

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
        try:
            said = record.getMessage()
        except Exception:  # the handler says what is wrong with it
            return True
        quiet = _quiet(said)
        if quiet != said:
            record.msg, record.args = quiet, ()
        return True


def _quiet(line: str) -> str:
    return SECRET.sub(r"\1*", escaped(line))


def escaped(text: str) -> str:
    """Return text on one line: without line breaks, control characters, and those that change the direction of text."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


def keep_secrets() -> None:
    """From now on, do so in the messages of tornado and, as it uses tornado's loggers for requests, of JupyterHub.

    Also do so in all that tornado's formatter logs, tracebacks included.
    """
    for logger in map(logging.getLogger, LOGGERS):
        if not any(isinstance(each, Stars) for each in logger.filters):
            logger.addFilter(Stars())
    log_lines(_quiet)
