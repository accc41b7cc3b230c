# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process people's connections go through."""

import os
import socket

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils import hub_proxy
from ansible_collections.collab.jupyterhub.plugins.module_utils.systemd_unit import Unit


@pytest.mark.parametrize(
    ("bind_url", "port"),
    [
        ("http://:8000", 8000),
        ("http://0.0.0.0:8000/hub/", 8000),
        ("https://hub.example.org", 443),
        ("http://*", 80),
    ],
)
def test_port_of_the_address_that_the_hub_is_told(bind_url: str, port: int) -> None:
    assert hub_proxy.public_port(bind_url) == port


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_process_that_listens_is_found(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as listening:
        listening.bind((address, 0))
        port = listening.getsockname()[1]
        assert hub_proxy.listener(port) is None
        listening.listen()
        assert hub_proxy.listener(port) == os.getpid()
        with pytest.raises(hub_proxy.NoProxy, match=str(port)):
            hub_proxy.find_unit(Unit("hub", {"MainPID": str(os.getpid())}), {"bind_url": f"http://:{port}"})
