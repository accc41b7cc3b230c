# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process handles users' connections."""

import io
import os
import pwd
import socket
from pathlib import Path
from urllib.parse import quote

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import listeners
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import proxy as hub_proxy

from ports import free_port
from unused_accounts import FIRST

PERSON = FIRST + 32
HUB = Unit("hub", {"User": "root"})


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


def test_proxy_is_looked_for_where_it_listens() -> None:
    """The proxy is found where it listens, which The Littlest JupyterHub does not tell its hub."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        hub = {"bind_url": "http://:1", "front_url": f"http://:{port}"}
        with pytest.raises(hub_proxy.NoProxy, match=f"listens on port {port}"):
            hub_proxy.find_unit(Unit("hub", {"MainPID": str(os.getpid())}), hub)


def test_proxy_on_a_unix_socket_is_who_listens_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy on a Unix socket is the process that listens there, not the web server in front, which the hub must not restart."""
    place = tmp_path / "proxy.sock"
    hub = {"bind_url": f"http+unix://{quote(str(place), safe='')}"}
    with pytest.raises(hub_proxy.NoProxy, match=f"listens at {place}"):
        hub_proxy.find_unit(HUB, hub)
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.bind(str(place))
        proxy.listen()
        monkeypatch.setattr(listeners, "unit_of", {os.getpid(): "proxy.service"}.get)
        ours = Unit("hub", {"User": pwd.getpwuid(os.getuid()).pw_name})
        assert hub_proxy.find_unit(ours, hub) == "proxy.service"
        assert hub_proxy.usurper(hub["bind_url"], ours) == ""


@pytest.mark.parametrize(
    ("place", "unit"),
    [
        ("/system.slice/proxy.service", "proxy.service"),
        ("/system.slice/proxy.service/below", "proxy.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/proxy.service", ""),
        ("/system.slice/jupyter-mallory.service/proxy.service", "jupyter-mallory.service"),
        ("/user.slice/user-1000.slice/session-3.scope", ""),
    ],
)
@pytest.mark.parametrize("around", ["", "/machine.slice/libpod-1.scope"])
@pytest.mark.parametrize("hierarchy", ["0:", "9:name=systemd"])
def test_unit_is_one_of_the_hosts_and_not_of_someones_own(
    monkeypatch: pytest.MonkeyPatch, place: str, unit: str, around: str, hierarchy: str
) -> None:
    """Only the host's units count: users with a service manager of their own (systemctl --user) can name services as they like."""
    told = {"/proc/7/cgroup": around + place, "/proc/1/cgroup": f"{around}/init.scope"}

    def read(path: str, encoding: str) -> io.StringIO:
        return io.StringIO(f"8:pids:/elsewhere.service\n{hierarchy}:{told[path]}\n")

    monkeypatch.setattr(listeners, "open", read, raising=False)
    assert listeners.unit_of(7) == unit


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to listen as another account")
def test_person_on_the_proxys_unix_socket_is_told(tmp_path: Path) -> None:
    place = str(tmp_path / "proxy.sock")
    url = f"http+unix://{quote(place, safe='')}"
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(place)
        os.seteuid(PERSON)  # the kernel records which account calls listen()
        try:
            theirs.listen()
        finally:
            os.seteuid(0)
        assert hub_proxy.listener(url, HUB) is None
        assert f"account {PERSON} listens at {place}" in hub_proxy.usurper(url, HUB)


def listening(family: socket.AddressFamily, address: str, port: int = 0, uid: int = 0) -> socket.socket:
    """Return a socket created by an account. The kernel records its creator, not who holds it later."""
    os.setegid(uid)
    os.seteuid(uid)
    try:
        made = socket.socket(family)
    finally:
        os.seteuid(0)
        os.setegid(0)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((address, port or free_port()))
    made.listen()
    return made


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize(
    ("family", "address", "told"),
    [
        (socket.AF_INET, "127.0.0.1", "http://127.0.0.1"),
        (socket.AF_INET, "0.0.0.0", "http://"),
        (socket.AF_INET6, "::1", "http://[::1]"),
    ],
)
def test_process_that_listens_is_found(family: socket.AddressFamily, address: str, told: str) -> None:
    with listening(family, address) as proxy:
        port = proxy.getsockname()[1]
        bind_url = f"{told}:{port}"
        assert hub_proxy.listener(bind_url, HUB) == os.getpid()
        with pytest.raises(hub_proxy.NoProxy, match=str(port)):
            hub_proxy.find_unit(Unit("hub", {"MainPID": str(os.getpid())}), {"bind_url": bind_url})
    assert hub_proxy.listener(bind_url, HUB) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to listen as other accounts")
def test_person_who_listens_beside_the_proxy_or_in_its_place_is_not_taken_for_it() -> None:
    """A user who listens next to the proxy, or in its place, is not taken for it.

    Otherwise, the play would restart that user's unit and leave all connections open.
    """
    with listening(socket.AF_INET6, "::1", uid=PERSON) as beside:
        port = beside.getsockname()[1]
        assert hub_proxy.listener(f"http://127.0.0.1:{port}", HUB) is None
        with listening(socket.AF_INET, "127.0.0.1", port):
            assert hub_proxy.listener(f"http://127.0.0.1:{port}", HUB) == os.getpid()
            assert hub_proxy.usurper(f"http://127.0.0.1:{port}", HUB) == ""
    with listening(socket.AF_INET, "127.0.0.1", uid=PERSON) as instead:
        port = instead.getsockname()[1]
        assert hub_proxy.listener(f"http://127.0.0.1:{port}", HUB) is None
        assert f"account {PERSON} listens at 127.0.0.1:{port}" in hub_proxy.usurper(
            f"http://127.0.0.1:{port}", HUB
        )
        hub = {"bind_url": "http://127.0.0.1:1", "proxy_api_url": f"http://127.0.0.1:{port}"}
        assert hub_proxy.usurpers({"bind_url": hub["bind_url"]}, HUB) == []
        (said,) = hub_proxy.usurpers(hub, HUB)
        assert f"account {PERSON} listens at 127.0.0.1:{port}, where the hub configures its proxy" in said
        assert f"End process {os.getpid()}, set another CONFIGPROXY_AUTH_TOKEN for hub and proxy" in said
        # If the hub is not root, its proxy runs as the hub's account.
        assert (
            hub_proxy.listener(f"http://127.0.0.1:{port}", Unit("hub", {"User": str(PERSON)})) == os.getpid()
        )
