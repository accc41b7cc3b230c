# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which a request can fail.

Errors and stopped servers are not `Refused`, so that a test that expects a refusal does not pass because of them.
"""

from typing import Self

REFUSALS = (401, 403, 404)  # 404: the hub does not reveal whether something exists that the user must not see
# Close codes of an open websocket: unacceptable data, policy violation.
REFUSING_ENDS = (1003, 1008)


class NotGiven(Exception):
    """The hub or a server did not do what was requested.

    Attributes:
        status: the HTTP status, or the close code of an open websocket.
        url: the URL that answered.
        sentence: the message of the page or the API.
    """

    def __init__(self, status: int, url: str, sentence: str) -> None:
        super().__init__(f"{status} at {url}: {sentence}")
        self.status = status
        self.url = url
        self.sentence = sentence


class Refused(NotGiven):
    """The person has no permission. A page that asks for a login is a refusal, too; its status is 200."""


class LoginRefused(Refused):
    """The login page did not accept name and password."""


class NotRunning(NotGiven):
    """The person has access, but the server is not running."""


class Failed(NotGiven):
    """The request failed, for a reason other than missing permission."""

    @classmethod
    def or_refused(cls, status: int, url: str, sentence: str) -> "Self | Refused":
        """Return the exception for an unsuccessful answer."""
        kind = Refused if status in (*REFUSALS, *REFUSING_ENDS) else cls
        return kind(status, url, sentence)
