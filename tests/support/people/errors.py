# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which someone does not get what they ask for.

A test that expects a refusal must not take an error, or a server that is stopped, for one: these are no `Refused`.
"""

from typing import Self

REFUSALS = (401, 403, 404)  # 404: the hub does not say whether there is what someone may not see
# Of a websocket that was open: what was sent is not accepted, against the policy.
REFUSING_ENDS = (1003, 1008)


class NotGiven(Exception):
    """The hub or a server did not do it.

    `status` is the HTTP status (or, for an open websocket, its close code), `url` is where it was said, and
    `sentence` is what the page or the API said.
    """

    def __init__(self, status: int, url: str, sentence: str) -> None:
        super().__init__(f"{status} at {url}: {sentence}")
        self.status = status
        self.url = url
        self.sentence = sentence


class Refused(NotGiven):
    """The person may not do it. A page that asks for a login is a refusal as well; its status is 200."""


class LoginRefused(Refused):
    """The login page did not accept name and password."""


class NotRunning(NotGiven):
    """The person may come in, but the server is not running."""


class Failed(NotGiven):
    """It did not work, which says nothing about whether the person may."""

    @classmethod
    def or_refused(cls, status: int, url: str, sentence: str) -> "Self | Refused":
        """What an answer means that is not the one asked for."""
        kind = Refused if status in (*REFUSALS, *REFUSING_ENDS) else cls
        return kind(status, url, sentence)
