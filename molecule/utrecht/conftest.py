# SPDX-License-Identifier: GPL-3.0-or-later
"""Users reach the hub through the web server."""

from collections.abc import Iterator

import pytest

from people import Hub, HubBehindLogin
from scenario import Platform


@pytest.fixture(scope="module")
def hub(platform: Platform) -> Iterator[Hub]:
    """The hub behind the web server, which asks for name and password."""
    with HubBehindLogin(f"http://{platform.address}") as hub:
        yield hub
