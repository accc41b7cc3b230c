# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a service worker reaches behind the proxy of role jupyterhub, whatever program a user's server is."""

import json
from collections.abc import Iterator

import pytest
from testinfra.host import Host

# A user's own program that replaces their server.
SERVER = """
from http.server import BaseHTTPRequestHandler, HTTPServer


class Worker(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Service-Worker-Allowed", "/")
        self.send_header("SERVICE-WORKER-ALLOWED", "/")
        self.send_header("Content-Type", "text/javascript")
        self.end_headers()

    def log_message(self, *_arguments):
        pass


HTTPServer(("127.0.0.1", 9321), Worker).serve_forever()
"""
PROXY = """
set -e
. /var/lib/jupyterhub/proxy.env
exec python3 - "$CONFIGPROXY_AUTH_TOKEN" <<'PROGRAM'
import sys, urllib.request
headers = {"Authorization": "token " + sys.argv[1]}
address = "http://127.0.0.1:8001/api/routes/user/worker"
%s
PROGRAM
"""
ADD = """
body = b'{"target": "http://127.0.0.1:9321"}'
urllib.request.urlopen(urllib.request.Request(address, body, headers, method="POST"))
"""
DELETE = 'urllib.request.urlopen(urllib.request.Request(address, None, headers, method="DELETE"))'
ASK = """
import json, urllib.request
answers = [urllib.request.urlopen("http://127.0.0.1:%d/user/worker/" % port) for port in (9321, 8000)]
print(json.dumps([[name.lower() for name in answer.headers.keys()] for answer in answers]))
"""


@pytest.fixture
def server_of_their_own(host: Host) -> Iterator[None]:
    host.check_output("systemd-run --unit=worker-server python3 -c %s", SERVER)
    host.check_output(PROXY.replace("%s", ADD))
    try:
        host.check_output("for i in $(seq 50); do ss -ltn | grep -q :9321 && exit 0; sleep 0.1; done; exit 1")
        yield
    finally:
        host.check_output(PROXY.replace("%s", DELETE))
        host.check_output("systemctl stop worker-server")


@pytest.mark.usefixtures("server_of_their_own")
def test_proxy_lets_no_worker_reach_beyond_its_folder(host: Host) -> None:
    said, passed = json.loads(host.check_output("python3 -c %s", ASK))
    assert said.count("service-worker-allowed") == 2
    assert "service-worker-allowed" not in passed
    assert "content-type" in passed
