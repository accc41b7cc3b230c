# SPDX-License-Identifier: GPL-3.0-or-later
"""What is logged of messages and errors with secrets, and of messages that are wrong themselves."""

import io
import logging
import sys

import pytest
from tornado.log import LogFormatter

from jupyterhub_collab.quiet_logs import keep_secrets


def test_secrets_are_in_no_message_of_any_program() -> None:
    """A server can log its own address with its token, and an error can contain an address."""
    keep_secrets()
    try:
        raise ValueError("at /hub/accept-share?code=hunter2\n[C forged")
    except ValueError:
        error = sys.exc_info()
    message = "http://127.0.0.1:1/user/alice?token=hunter2\nand another line\x1b"
    record = logging.LogRecord("ServerApp", logging.INFO, "", 1, message, (), error)
    told = LogFormatter("%(message)s", color=False).format(record)
    assert "hunter2" not in told and "?token=*" in told and "?code=*" in told
    assert "\x1b" not in told
    assert [line for line in told.splitlines()[1:] if not line.startswith("    ")] == []
    assert record.getMessage() == message  # others may format it in their own way


def test_message_that_does_not_fit_its_arguments_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request may contain a percent sign where a program expects none. The log says so, and the program goes on."""
    keep_secrets()
    output, logger = io.StringIO(), logging.getLogger("tornado.general")
    handler = logging.StreamHandler(output)
    handler.setFormatter(LogFormatter("%(message)s", color=False))
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)  # pytest's own handler raises errors
    message = "400: of a request %s %s"
    logger.error(message, "x")
    assert "Bad message" in output.getvalue()
    assert message in output.getvalue()
