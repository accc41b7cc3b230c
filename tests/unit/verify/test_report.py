# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row of the report says something, whatever the reason was."""

from typing import Any

import pytest

from jupyterhub_collab.verify.report import Report


@pytest.mark.parametrize("says", ["", ".", "bob could not log in: .", "bob could not log in: ", " ."])
def test_row_without_a_reason_says_so(says: str) -> None:
    told: list[dict[str, Any]] = []
    Report(told.append).failed("people come", says)
    assert told[0]["row"]["says"].endswith("(no reason given; see the hub's log).")


def test_row_with_a_reason_is_told_as_it_is() -> None:
    told: list[dict[str, Any]] = []
    Report(told.append).ok("the hub answers", "JupyterHub 6.1.1 at https://hub.example.org.")
    assert told[0]["row"]["says"] == "JupyterHub 6.1.1 at https://hub.example.org."
