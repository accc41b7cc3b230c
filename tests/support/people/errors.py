# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which somebody is told no."""


class Refused(Exception):
    """The hub or a server did not let the person do it.

    `status` is the HTTP status (or, for an open websocket, its close code), `url` is where it was said, and
    `sentence` is what the page or the API said. A page that asks for a login is a refusal as well; its status
    is 200.
    """

    def __init__(self, status: int, url: str, sentence: str) -> None:
        super().__init__(f"{status} at {url}: {sentence}")
        self.status = status
        self.url = url
        self.sentence = sentence


class LoginRefused(Refused):
    """The login page did not accept name and password."""


class NotRunning(Refused):
    """The person may come in, but the server is not running."""
