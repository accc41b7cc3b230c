# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow who is on a server, as JupyterLab's page does: from the list, and then from what changes in it."""

from typing import Any

from jupyterhub_collab.server.presence import SCHEMA_ID

PRESENCE = "api/collaboration-presence"


class Here:
    """What one page knows. `people` are in the order of their arrival."""

    def __init__(self) -> None:
        self._people: dict[str, dict[str, Any]] = {}
        self._list, self._number = "", -1

    @property
    def number(self) -> int:
        """The number of the last change that this page knows."""
        return self._number

    @property
    def people(self) -> list[dict[str, Any]]:
        return [*self._people.values()]

    @property
    def names(self) -> list[str]:
        return [*self._people]

    def learn(self, answer: dict[str, Any]) -> None:
        """Take in the server's answer with the whole list."""
        self._list, self._number = answer["list"], answer["number"]
        self._people = {person["username"]: person for person in answer["people"]}

    def hear(self, event: dict[str, Any]) -> bool:
        """Take in an event. Return False if changes are missing before it, so that the page has to ask for the list."""
        if event["schema_id"] != SCHEMA_ID:
            return True
        if event["list"] != self._list or event["before"] > self._number:
            return False
        if event["number"] > self._number:
            self._number = event["number"]
            for name in event["gone"]:
                self._people.pop(name, None)
            self._people |= {person["username"]: person for person in event["changed"]}
        return True
