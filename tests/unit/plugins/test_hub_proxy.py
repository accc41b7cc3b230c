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


def test_proxy_on_a_socket_is_not_what_has_a_port() -> None:
    """It would be the web server in front, which is not the hub's to restart."""
    with pytest.raises(hub_proxy.NoProxy, match="no port of this host"):
        hub_proxy.find_unit(Unit("hub", {}), {"bind_url": "http+unix://%2Frun%2Fproxy.sock"})


def test_proxy_is_looked_for_where_it_listens() -> None:
    """The Littlest JupyterHub's does not where the hub's configuration says."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        hub = {"bind_url": "http://:1", "front_url": f"http://:{port}"}
        with pytest.raises(hub_proxy.NoProxy, match=f"listens on port {port}"):
            hub_proxy.find_unit(Unit("hub", {"MainPID": str(os.getpid())}), hub)


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
