# SPDX-License-Identifier: GPL-3.0-or-later
"""A document's history as jupyter-collaboration asks for it, to show it as a timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pycrdt.store import BaseYStore, YDocNotFound

from .history import History


class Timeline(BaseYStore):
    """Reads the history of a room. The room itself has written it by the time it is asked to be."""

    def __init__(self, past: History, document: str) -> None:
        self._past = past
        self._document = document

    async def write(self, data: bytes) -> None:
        pass

    async def read(self) -> AsyncIterator[tuple[bytes, bytes, float]]:
        updates = list(self._past.updates(self._document))
        if not updates:
            raise YDocNotFound
        for update, when in updates:
            yield update, b"", when
