# SPDX-License-Identifier: GPL-3.0-or-later
"""The address at which a host reaches its own hub's proxy."""

import os
import pwd
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import address as hub_address
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import proxy


@pytest.mark.parametrize(
    ("hub", "address"),
    [
        ({"bind_url": "http://:8000"}, "http://127.0.0.1:8000"),
        ({"bind_url": "http://127.0.0.1:8000/j/", "base_url": "/j/"}, "http://127.0.0.1:8000/j"),
        ({"bind_url": "http://[::]:8000"}, "http://[::1]:8000"),
        ({"bind_url": "https://[2001:db8::5]"}, "https://[2001:db8::5]"),
        # The Littlest JupyterHub, where the hub does not know on which port its proxy listens.
        (
            {"bind_url": "http://:8000/j/", "base_url": "/j/", "front_url": "https://:8443"},
            "https://127.0.0.1:8443/j",
        ),
        (
            {"bind_url": "http+unix://%2Frun%2FProxy.sock", "base_url": "/j/"},
            "http+unix://%2Frun%2FProxy.sock/j",
        ),
    ],
)
def test_proxy_is_asked_where_it_listens(hub: dict[str, Any], address: str) -> None:
    assert hub_address.of_proxy({"base_url": "/", **hub}) == address


class Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/j/hub/api/" else 404)
        self.end_headers()
        self.wfile.write(b'{"version": "6.1.1"}')


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


def test_address_is_true_where_the_hub_answers(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "SECONDS", 0.1)
    hub = {"bind_url": f"http://:{port}", "base_url": "/j/"}
    unit = Unit("hub", {"User": pwd.getpwuid(os.getuid()).pw_name})
    assert proxy.is_there(hub, unit)
    assert not proxy.is_there(hub | {"base_url": "/"}, unit)
    assert not proxy.is_there(hub | {"front_url": "http://:1"}, unit)
