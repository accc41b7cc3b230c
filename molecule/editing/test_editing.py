# SPDX-License-Identifier: GPL-3.0-or-later
"""People who edit together lose nothing and get nothing twice. `make editing` is the long form, also without the collection."""

import pytest

from editing.events import Case, cases, keep, problems
from editing.site import Site

CASES = cases(rounds=1, kills=3, seconds=10)


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES.keys())
def test_nothing_is_lost(name: str, case: Case, site: Site) -> None:
    """Whatever happens while they type, all of it is there once, for everyone and in the file."""
    row = case(site, f"case-{[*CASES].index(name)}")
    keep("short", {name: row.plain})
    assert not problems(row), row
