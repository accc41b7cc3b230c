# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub with ten people."""

from collections.abc import Iterator

import pytest
from testinfra.host import Host

from editing.site import Site
from people import Hub
from scenario import Platform


@pytest.fixture(scope="module")
def site(platform: Platform, host: Host, hub: Hub) -> Iterator[Site]:
    """Return the site, with everyone logged in."""
    yield Site(platform, host, hub)
