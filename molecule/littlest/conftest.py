# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's proxy listens on port 80."""

import pytest

from scenario import Platform


@pytest.fixture(scope="session")
def hub_url(platform: Platform) -> str:
    return f"http://{platform.address}"
