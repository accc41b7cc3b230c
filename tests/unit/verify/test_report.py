# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row of the report says something, whatever the reason was."""

from typing import Any

import pytest

from jupyterhub_collab.verify.report import Report

NOT_GIVEN = "no reason was given; see the hub's log."


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("", f"N{NOT_GIVEN[1:]}"),
        (" .", f"N{NOT_GIVEN[1:]}"),
        ("bob could not log in: ", f"bob could not log in: {NOT_GIVEN}"),
        ("bob could not log in: .", f"bob could not log in: {NOT_GIVEN}"),
        (
            "bob could not log in: . Check bob's password.",
            f"bob could not log in: {NOT_GIVEN} Check bob's password.",
        ),
    ],
)
def test_row_without_a_reason_says_so(says: str, told: str) -> None:
    rows: list[dict[str, Any]] = []
    Report(rows.append).failed("people come", says)
    assert rows[0]["row"]["says"] == told


@pytest.mark.parametrize(
    "says",
    [
        "JupyterHub 6.1.1 at https://hub.example.org.",
        "Not removed: hub users a, b; files: c. See http://[::]:8000.",
    ],
)
def test_row_with_a_reason_is_told_as_it_is(says: str) -> None:
    rows: list[dict[str, Any]] = []
    Report(rows.append).ok("the hub answers", says)
    assert rows[0]["row"]["says"] == says
