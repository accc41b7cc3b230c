# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep people from writing in each other's names in a chat of jupyterlab-chat, where each page itself says who has sent a message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pycrdt import Array, Doc, Map

TYPE = "chat"
# What a chat says about a person, and what the hub knows.
SHOWN = ("name", "display_name", "initials", "color", "avatar_url")


class Chat(NamedTuple):
    """What a chat holds."""

    messages: list[Any]
    users: dict[str, Any]
    attachments: dict[str, Any]

    @classmethod
    def of(cls, document: Doc[Any]) -> Chat:
        messages = document.get("messages", type=Array).to_py()
        users, attachments = (document.get(name, type=Map).to_py() for name in ("users", "attachments"))
        return cls(messages or [], users or {}, attachments or {})


def may_apply(document: Doc[Any], update: bytes, person: Any, visitors: Iterable[Any]) -> bool:
    """Return whether a person can bring an update into a chat: they send and change messages of their own, under their own name.

    person: the `jupyter_server.auth.User` of the websocket that the update came from; None if unknown. visitors: those who have opened
    the chat, because a page also writes down whom a message mentions.
    """
    if person is None:
        return False
    changed: Doc[Any] = Doc()
    changed.apply_update(document.get_update())
    before = Chat.of(changed)
    try:
        changed.apply_update(update)
        after = Chat.of(changed)
    except (ValueError, RuntimeError, TypeError):  # not an update, or one that makes something else of a chat
        return False
    people = {each.username: each for each in [*visitors, person]}
    return (
        _of_others(before.messages, person.username) == _of_others(after.messages, person.username)
        and all(after.attachments.get(key) == value for key, value in before.attachments.items())
        and before.users.keys() <= after.users.keys()
        and all(
            _is_true(told, people.get(name)) and (name == person.username or name not in before.users)
            for name, told in after.users.items()
            if name not in before.users or before.users[name] != told
        )
    )


def _of_others(messages: list[Any], username: str) -> list[Any]:
    """Return all messages that do not say that a user has sent them, in their order."""
    return [each for each in messages if not (isinstance(each, dict) and each.get("sender") == username)]


def _is_true(told: Any, person: Any) -> bool:
    """Return whether what a chat says about a person is what the hub says. person: None if they are not here."""
    return (
        isinstance(told, dict)
        and person is not None
        and told.get("username") == person.username
        and not told.get("bot")
        and all(told.get(name) in (None, "", getattr(person, name)) for name in SHOWN)
    )
