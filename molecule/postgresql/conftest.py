# SPDX-License-Identifier: GPL-3.0-or-later
"""Users reach the hub through the web server, below a prefix, with a self-signed certificate."""

import ssl
from collections.abc import Iterator

import pytest

from people import Hub
from scenario import Platform


@pytest.fixture(scope="module")
def hub(platform: Platform) -> Iterator[Hub]:
    """The hub behind the web server."""
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    with Hub(f"https://{platform.address}/jupyter", tls) as hub:
        yield hub
