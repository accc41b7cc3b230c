# SPDX-License-Identifier: GPL-3.0-or-later
"""Give each person a name, initials and a color, the same at every visit."""

from __future__ import annotations

import contextlib
import hashlib
import pwd
from collections import Counter
from typing import Any

from .history import History

# Light, because JupyterLab writes black on them. JupyterLab's own colors come first. Any two can be told apart.
COLOURS = [
    "#ffad8e", "#dac83d", "#72dd76", "#00e4d0", "#45d4ff", "#e2b1ff", "#ff9de6", "#f2706b",
    "#ffb300", "#b5cc18", "#2fbf7f", "#7fa6ff", "#b18cff", "#d174d6", "#ff80a0", "#d99a4e",
    "#8bc34a", "#1fb5c9", "#8fb3cf", "#c8b0a0", "#a8d5a2", "#ff7f3f", "#e6e27a", "#b8b8e8",
]  # fmt: skip

# Characters. Everyone gets everyone's, also from each page with each move of a cursor.
LONGEST_NAME, LONGEST_INITIALS, LONGEST_COLOUR, LONGEST_AVATAR = 200, 10, 100, 2_000


class Identities:
    """Fills in what the hub does not say about people. What the hub says stays (JupyterHub 6 and later: `user_info`).

    The name comes from the host account with the username, if there is one. The color is the first free one on this server, starting at a
    position that depends on the username. So people's colors differ until all are taken, and are mostly the same on other servers.
    """

    def __init__(self, past: History) -> None:
        self._past = past
        self.colours = past.colours()

    def complete(self, user: Any) -> None:
        """Fill in the missing fields of a `jupyter_server.auth.User`."""
        if user.display_name in ("", user.username):
            user.display_name = user.name = _full_name(user.username) or user.username
        user.display_name, user.name = _within(LONGEST_NAME, user.display_name, user.name)
        user.initials = (user.initials or initials(user.display_name))[:LONGEST_INITIALS]
        if not user.color or len(user.color) > LONGEST_COLOUR:
            user.color = self.colour(user.username)
        if user.avatar_url and len(user.avatar_url) > LONGEST_AVATAR:
            user.avatar_url = None  # such as a picture in the address itself

    def colour(self, username: str) -> str:
        """Return a user's color in CSS notation. Assign one if the user has none."""
        if username not in self.colours:
            start = int.from_bytes(hashlib.sha256(username.encode()).digest()[:4], "big") % len(COLOURS)
            wheel = COLOURS[start:] + COLOURS[:start]
            taken = Counter(self.colours.values())
            self.colours[username] = min(wheel, key=lambda colour: taken[colour])
            self._past.set_colour(username, self.colours[username])
        return self.colours[username]


def initials(name: str) -> str:
    """Return the initials of a name: one or two letters."""
    words = [word for word in name.replace(".", " ").replace("_", " ").replace("-", " ").split() if word]
    if len(words) > 1:
        return (words[0][0] + words[-1][0]).upper()
    return name[:2].title()


def _within(most: int, *texts: str) -> list[str]:
    return [text if len(text) <= most else f"{text[: most - 1]}…" for text in texts]


def _full_name(username: str) -> str:
    with contextlib.suppress(KeyError, ValueError):
        return pwd.getpwnam(username).pw_gecos.partition(",")[0].strip()
    return ""
