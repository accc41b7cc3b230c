# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of each check: the rows of the report."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

OK, FAILED, WARNING, SKIPPED = "ok", "failed", "warning", "skipped"
# A colon, after which the reason is missing: at the end, or before another sentence.
NO_REASON = re.compile(r":\s*(?:[.;,]|$)")
UNKNOWN = "no reason was given; see the hub's log"


@dataclass(frozen=True)
class Row:
    """A row of the report.

    check: what was checked. result: OK, FAILED, WARNING or SKIPPED. says: one sentence. measured: numbers by name, which includes the unit.
    """

    check: str
    result: str
    says: str
    measured: dict[str, float]


class Report:
    """Prints each row immediately, so that no result is lost if `verify` is interrupted."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell

    def add(self, check: str, result: str, says: str, **measured: float) -> None:
        says = NO_REASON.sub(f": {UNKNOWN}.", says) if re.search(r"\w", says) else f"{UNKNOWN.capitalize()}."
        self._tell({"row": asdict(Row(check, result, says, measured))})

    def ok(self, check: str, says: str, **measured: float) -> None:
        self.add(check, OK, says, **measured)

    def failed(self, check: str, says: str, **measured: float) -> None:
        self.add(check, FAILED, says, **measured)

    def warning(self, check: str, says: str, **measured: float) -> None:
        self.add(check, WARNING, says, **measured)

    def skipped(self, check: str, says: str) -> None:
        self.add(check, SKIPPED, says)
