# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a hub and its proxy listen, and where other accounts reach them, for configurations that a real hub loads."""

import asyncio
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jupyterhub import version_info
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from jupyterhub_collab.hub import dry_run
from jupyterhub_collab.hub.front import api_over_network, socket_of

DUMMY = 'c.JupyterHub.authenticator_class = "dummy"\n'
UNIX, OTHER = ("http+unix", "unix+http") if version_info >= (6, 0) else ("unix+http", "http+unix")
SOCKET = "{}://%2Frun%2Fhub%2Fhub.sock"


def load(tmp_path: Path, text: str) -> dict[str, Any]:
    """Load a configuration with a real hub in memory, and return what it tells."""
    config = tmp_path / "hub.py"
    config.write_text(DUMMY + text)
    JupyterHub.clear_instance()
    try:
        return asyncio.run(dry_run.load([f"--config={config}"]))
    finally:
        dry_run.JupyterHub.clear_instance()
        JupyterHub.clear_instance()


@pytest.mark.parametrize(
    ("text", "api_url"),
    [
        ("", "http://127.0.0.1:8081/hub/api"),
        ('c.JupyterHub.base_url = "/jupyter"', "http://127.0.0.1:8081/jupyter/hub/api"),
        ('c.JupyterHub.hub_ip = "10.1.2.3"\nc.JupyterHub.hub_port = 9', "http://10.1.2.3:9/hub/api"),
        ('c.JupyterHub.hub_ip = "::"', "http://[::]:8081/hub/api"),
        # The address to connect to may resolve only inside containers.
        (
            'c.JupyterHub.hub_ip = "0.0.0.0"\nc.JupyterHub.hub_connect_ip = "hub"',
            "http://0.0.0.0:8081/hub/api",
        ),
        (
            'c.JupyterHub.hub_bind_url = "http://127.0.0.1:5"\nc.JupyterHub.hub_connect_url = "https://hub.example.org"',
            "http://127.0.0.1:5/hub/api",
        ),
        (
            f'c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = "{SOCKET.format(UNIX)}"\nc.JupyterHub.base_url = "/j/"',
            f"{SOCKET.format(UNIX)}/j/hub/api",
        ),
    ],
)
def test_hub_is_asked_where_it_listens(tmp_path: Path, text: str, api_url: str) -> None:
    assert load(tmp_path, text)["api_url"] == api_url


OWN_GROUPS = """
from jupyterhub.auth import DummyAuthenticator
from traitlets import List


class Directory(DummyAuthenticator):
    allowed_groups = List(None, allow_none=True, config=True)


c.JupyterHub.authenticator_class = Directory
"""


def test_authenticator_may_have_groups_of_its_own(tmp_path: Path) -> None:
    """Not all authenticators have groups of the host under the name `allowed_groups`: LDAPAuthenticator has none by default."""
    assert load(tmp_path, OWN_GROUPS)["admission"]["groups"] == []
    named = OWN_GROUPS + "c.Directory.allowed_groups = ['cn=physics,dc=example,dc=org']"
    assert load(tmp_path, named)["admission"]["groups"] == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'c.JupyterHub.hub_bind_url = "{SOCKET.format(OTHER)}"', f"Use {re.escape(UNIX)} there"),
        ("c.JupyterHub.internal_ssl = True", "internal_ssl is on, .* Turn it off"),
    ],
)
def test_hub_that_could_not_be_asked_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """A hub that cannot be asked is refused before the change.

    Otherwise, it would end after the change, or run without being seen.
    """
    with pytest.raises(ValueError, match=why):
        load(tmp_path, text)


@pytest.fixture
def littlest(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the settings of a fake `tljh.configurer`, because no package index has The Littlest JupyterHub."""
    told: dict[str, Any] = {
        "http": {"address": "", "port": 80},
        "https": {"enabled": False, "address": "", "port": 443, "letsencrypt": {"email": "", "domains": []}},
    }
    module = ModuleType("tljh.configurer")
    monkeypatch.setattr(module, "load_config", lambda: told, raising=False)
    monkeypatch.setitem(sys.modules, "tljh.configurer", module)
    return told


@pytest.mark.parametrize(
    ("https", "front_url", "public_url"),
    [
        ({}, "http://:80", ""),
        ({"enabled": True, "port": 8443}, "https://:8443", ""),
        (
            {"enabled": True, "letsencrypt": {"email": "a@b.org", "domains": ["hub.b.org"]}},
            "https://:443",
            "https://hub.b.org",
        ),
    ],
)
def test_littlest_hub_says_itself_where_its_proxy_listens(
    tmp_path: Path, littlest: dict[str, Any], https: dict[str, Any], front_url: str, public_url: str
) -> None:
    littlest["https"] |= https
    hub = load(tmp_path, "")
    assert (hub["front_url"], hub["public_url"]) == (front_url, public_url)


def test_other_hubs_proxy_listens_where_the_hub_says(tmp_path: Path) -> None:
    assert (
        load(tmp_path, 'c.JupyterHub.bind_url = "http://127.0.0.1:8001/j"')["front_url"]
        == "http://127.0.0.1:8001/j"
    )


def test_address_of_a_hub_with_domains_is_its_own_domain(tmp_path: Path) -> None:
    text = 'c.JupyterHub.subdomain_host = "https://hub.example.org:8443"\nc.JupyterHub.base_url = "campus/jupyter"\nc.JupyterHub.hub_ip = ""\n'
    hub = load(tmp_path, text)
    assert hub["public_url"] == "https://hub.example.org:8443/campus/jupyter/"
    assert hub["front_url"] == "http://:8000/campus/jupyter/"
    assert hub["api_url"] == "http://*:8081/campus/jupyter/hub/api"


def test_address_at_which_the_hub_speaks_to_its_proxy_is_told(tmp_path: Path) -> None:
    url = "http://127.0.0.1:8099"
    assert load(tmp_path, f'c.ConfigurableHTTPProxy.api_url = "{url}"')["proxy_api_url"] == url


@pytest.mark.parametrize("scheme", [UNIX, OTHER])
@pytest.mark.parametrize(
    ("hub", "spawner", "url"),
    [
        ({}, {}, "http://127.0.0.1:8000/hub/api"),
        ({"ip": "127.0.0.1", "port": 8001, "base_url": "/j"}, {}, "http://127.0.0.1:8001/j/hub/api"),
        ({"ip": "::"}, {}, "http://[::1]:8000/hub/api"),
        ({"bind_url": "http://[::1]:8000/j"}, {}, "http://[::1]:8000/j/hub/api"),
        (
            {},
            {"environment": {"JUPYTERHUB_API_URL": "http://localhost:8000/hub/api/"}},
            "http://localhost:8000/hub/api",
        ),
        ({}, {"environment": {"JUPYTERHUB_API_URL": lambda spawner: "x"}}, "http://127.0.0.1:8000/hub/api"),
        ({"base_url": "/j/"}, {"hub_connect_url": "http://10.0.0.5:80/"}, "http://10.0.0.5:80/j/hub/api"),
    ],
)
def test_hub_on_a_socket_is_reached_as_its_servers_reach_it(
    scheme: str, hub: dict[str, Any], spawner: dict[str, Any], url: str
) -> None:
    c = Config({"JupyterHub": {"hub_bind_url": SOCKET.format(scheme), **hub}, "SudoSpawner": spawner})
    assert api_over_network(c) == url
    assert socket_of(c) == "/run/hub/hub.sock"


def test_hub_on_the_network_is_reached_where_it_says() -> None:
    assert api_over_network(Config({"JupyterHub": {"hub_bind_url": "http://127.0.0.1:5"}})) == ""
    assert api_over_network(Config()) == ""


@pytest.mark.parametrize(
    "proxy", [{"bind_url": "http+unix://%2Frun%2Fproxy.sock"}, {"ssl_cert": "/etc/cert.pem"}]
)
def test_hub_that_nobody_reaches_is_refused(proxy: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"which the sharing page cannot reach. Set c"):
        api_over_network(Config({"JupyterHub": {"hub_bind_url": SOCKET.format(UNIX), **proxy}}))
