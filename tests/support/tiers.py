# SPDX-License-Identifier: GPL-3.0-or-later
"""The two tiers of a test run: `make test`, and `make test-all` with what takes longer."""

import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pytest

# Whether to run tests in their long form, as in `make test-all`.
LONG = os.environ.get("COLLAB_ALL") == "1"


def leave_out_long(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are marked `long`, unless the long form is wanted."""
    late = [] if LONG else [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=late)
    items[:] = [item for item in items if item not in late]


def some_long(cases: Mapping[str, Any] | Iterable[str], *, short: Collection[str]) -> list[Any]:
    """Return parameters for a test, each by its name: those not named in `short` are for `make test-all` only.

    cases: values by name, or names that are the values, too.
    """
    named = cases if isinstance(cases, Mapping) else {name: name for name in cases}
    assert {*short} <= {*named}
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)),
            id=name,
            marks=() if name in short else pytest.mark.long,
        )
        for name, value in named.items()
    ]
