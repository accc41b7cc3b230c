# SPDX-License-Identifier: GPL-3.0-or-later
"""The host holds two projects, and its hub gives sessions their shares."""

import pytest

from scenario import Platform
from workspaces import RAINFALL, SECRET, make, tell_hub


@pytest.fixture(scope="module", autouse=True)
def projects(platform: Platform) -> None:
    made = make(platform, RAINFALL, SECRET)
    assert made.code == 0, made.output
    tell_hub(platform, RAINFALL, SECRET)
