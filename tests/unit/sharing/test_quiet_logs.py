# SPDX-License-Identifier: GPL-3.0-or-later
"""What is logged if a message itself is wrong."""

import io
import logging

import pytest
from tornado.log import LogFormatter

from jupyterhub_collab.quiet_logs import keep_secrets


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
