# SPDX-License-Identifier: GPL-3.0-or-later
"""The sharing page of a hub in a pod, whose proxy is elsewhere: a real hub, with another address of this machine as the name of its service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from traitlets.config import Config

import plain_http
from jupyterhub_collab.hub import kubernetes
from local_hub import LocalHub, wait_until
from ports import free_port

SERVICE = "127.0.0.2"
CONFIG = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.hub_bind_url = f"http://:{{c.JupyterHub.hub_port}}"
c.JupyterHub.hub_connect_url = f"http://{service}:{{c.JupyterHub.hub_port}}"
from jupyterhub_collab.hub.kubernetes import in_a_pod
from jupyterhub_collab.hub.sharing import share_servers

in_a_pod(c)
share_servers(
    c, groups=[], by_name=True, link_seconds=3600, longest_link=86400, links_per_server=3, guesses_per_minute=3, ends_with_server=True, authorize_page=False,
    revocation=1, log="", port={page}, account="nobody",
)
# The Python of the tests may be where nobody but root reads it, and the page's process gives up root.
c.JupyterHub.services[-1]["command"][2] = "import encodings.unicode_escape; " + c.JupyterHub.services[-1]["command"][2]
"""


@pytest.fixture
def page() -> int:
    return free_port()


@pytest.fixture
def hub(tmp_path: Path, page: int) -> Iterator[LocalHub]:
    hub = LocalHub(tmp_path / "hub", config=CONFIG.format(service=SERVICE, page=page))
    hub.start()
    try:
        yield hub
    finally:
        hub.kill()


def test_proxy_reaches_the_page_and_the_page_the_hub(hub: LocalHub, page: int) -> None:
    """The page listens where another pod reaches it, and knows its users through the hub's API in its own pod. Requirement 114."""
    wait_until(lambda: plain_http.answers(f"http://{SERVICE}:{page}/services/sharing/health"))
    with hub.browser("alice", page=page) as browser:
        answer = browser.get("/services/sharing/")
        assert answer.status_code == 200
        assert "/services/sharing/" in str(answer.url)
        assert "alice" in answer.text
    assert "The hub starts without the sharing page" not in hub.log


def test_hub_without_a_service_is_refused() -> None:
    with pytest.raises(ValueError, match="Use this configuration with the chart Zero to JupyterHub"):
        kubernetes.in_a_pod(Config({"JupyterHub": {"hub_bind_url": "http://:8081"}}))
