# SPDX-License-Identifier: GPL-3.0-or-later
"""What people type into parts of a document that have been taken out, when they do not know it yet: it is on its way, or they are offline.

What is put into a part that is gone would be gone with it.
"""

from __future__ import annotations

import time
from pathlib import PurePosixPath
from typing import Any

from jupyter_ydoc.ybasedoc import YBaseDoc

from .lately import LATELY, WORD, text_of
from .merge import doc_of, has_lost

# For so many seconds at least people may still send what they typed before they saw that text was taken out.
ON_THE_WAY = 2
# What they have sent is looked at after so many seconds, and after so many more each time: a slow connection may be as slow as that.
LOOKS = (ON_THE_WAY, 3, 15, 40, 140, 390)
MOST = 3  # documents that are remembered as they were before something was taken out
LARGE = 5_000_000  # bytes; to remember more for long, and to look at it, would slow down everybody


class Late:
    """A document as it was before parts of it were taken out, with what people have sent since."""

    def __init__(self, state: bytes, kind: type[YBaseDoc]) -> None:
        self._state, self._kind = state, kind
        self._copy: PurePosixPath | None = None
        self._updates: list[bytes] = []
        self._since = time.monotonic()
        self._seconds = LATELY if len(state) < LARGE else 3 * ON_THE_WAY

    @property
    def is_over(self) -> bool:
        """Whether nobody is waited for any more."""
        return time.monotonic() > self._since + self._seconds

    @property
    def copy(self) -> PurePosixPath | None:
        """The copy that is so new that nobody has changed it."""
        return self._copy if time.monotonic() < self._since + 3 * ON_THE_WAY else None

    @copy.setter
    def copy(self, place: PurePosixPath) -> None:
        self._copy = place

    def take(self, update: bytes) -> None:
        self._updates.append(update)

    def lost(self, people: YBaseDoc, kept: str) -> Any:
        """Return the document with what has come since this was called last, if some of that is nowhere; else None.

        people: what they have now; kept: what is in a copy.
        """
        if not self._updates:
            return None
        before, typed = self._kind(doc_of(self._state)), self._kind(doc_of(self._state, *self._updates))
        self._state, self._updates = typed.ydoc.get_update(), []
        if not has_lost(before, typed, people):
            return None
        words = _words(text_of(typed)) - _words(text_of(before))
        return None if words and words <= _words(kept) else typed.get()


def _words(text: str) -> set[str]:
    return set(WORD.findall(text))
