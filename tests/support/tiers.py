# SPDX-License-Identifier: GPL-3.0-or-later
"""The two tiers of a test run: `make test`, and `make test-all` with what takes longer."""

import os

import pytest

# Whether to run tests in their long form, as in `make test-all`.
LONG = os.environ.get("COLLAB_ALL") == "1"


def leave_out_long(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are marked `long`, unless the long form is wanted."""
    late = [] if LONG else [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=late)
    items[:] = [item for item in items if item not in late]
