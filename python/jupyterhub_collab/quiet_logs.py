# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep secrets that are part of an address out of the log of this process.

An address that a browser requests may be logged, and is always logged if the request is refused. What it contains may then still be valid.
"""

from __future__ import annotations

import logging
import re

# tornado's, for requests, for refusals and for errors.
LOGGERS = ("tornado.access", "tornado.general", "tornado.application")
# A parameter with a secret: a link's or an authorization code, or a token. The address may be percent-encoded as part of another one, as in
# `next` of the login page, once more for each login page in between.
SECRET = re.compile(
    r"""((?:[?&]|%(?:25)*(?:3F|26))(?:code|token)(?:=|%(?:25)*3D))(?:(?!%(?:25)*26)[^&\s"'])+""",
    re.IGNORECASE,
)


class Stars(logging.Filter):
    """Replaces secrets with a star, and logs everything else."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        starred = SECRET.sub(r"\1*", said)
        if starred != said:
            record.msg, record.args = starred, ()
        return True


def keep_secrets() -> None:
    """From now on, replace secrets in the messages of tornado and, as it uses tornado's loggers for requests, of JupyterHub."""
    for logger in map(logging.getLogger, LOGGERS):
        if not any(isinstance(each, Stars) for each in logger.filters):
            logger.addFilter(Stars())
