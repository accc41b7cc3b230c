# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user gets from a container of their own: of other users' containers, and of the host."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testinfra.host import Host

from people import Person, Server

# Prints, as JSON, what the container's account reaches: the status of each request (or why there is none), ports that accept connections, and mounts.
LOOK = """
import json, os, socket, sys, urllib.error, urllib.request

asked = json.load(open("ask.json"))
own = {"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}


def answer(method, url, headers):
    request = urllib.request.Request(url, method=method, headers=headers, data=b"{}" if method == "POST" else None)
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return type(error).__name__


def is_open(address, port):
    with socket.socket() as door:
        door.settimeout(0.5)
        return door.connect_ex((address, port)) == 0


print("began")
answers = {f"{method} {url}": answer(method, url, own) for method, url in asked["urls"]}
ports = {address: [port for port in ports if is_open(address, port)] for address, ports in asked["ports"].items()}
mounts = [line.split()[1] for line in open("/proc/mounts")]
json.dump({"answers": answers, "ports": ports, "mounts": mounts, "root": os.access("/root", os.R_OK)}, open("seen.json", "w"))
print("rea" + "dy")
"""
Look = Callable[..., dict[str, Any]]
# If bob can share his server, it has a history of its own.
HISTORY = {"/var/lib/jupyterhub-rtc"}


def address_of(host: Host, owner: str) -> str:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return str(host.check_output("podman inspect --format=%s jupyter-%s", form, owner))


@pytest.fixture(scope="module")
def servers(alice: Person, bob: Person, carol: Person) -> Iterator[dict[str, Server]]:
    """alice's server, which she can share, and bob's, who has no access to hers."""
    carol.api("POST", "/hub/api/groups/teachers/users", {"users": [alice.name]})
    opened = {person.name: person.open(person.name) for person in (alice, bob)}
    opened["alice"].write_file("secret.txt", "alice's")
    opened["alice"].start_kernel()
    yield opened
    for person in (alice, bob):
        person.stop(person.name)


@pytest.fixture
def look(servers: dict[str, Server]) -> Look:
    """Look from bob's container, as he can in a terminal."""

    def look(
        urls: list[tuple[str, str]] | None = None, ports: dict[str, list[int]] | None = None
    ) -> dict[str, Any]:
        server = servers["bob"]
        server.write_file("ask.json", json.dumps({"urls": urls or [], "ports": ports or {}}))
        server.write_file("look.py", LOOK)
        with server.open_terminal() as terminal:
            terminal.type("cd ~/work && python3 look.py")
            terminal.wait_for("ready", timeout=120)
        return dict(json.loads(server.read_file("seen.json")))

    return look


def test_other_containers_open_only_their_server_and_only_with_access(
    look: Look, host: Host, servers: dict[str, Server]
) -> None:
    """All containers have one network. A kernel listens inside its own only."""
    address = address_of(host, "alice")
    start = f"http://{address}:8888/user/alice"
    urls = [
        ("GET", f"{start}/api/contents"),
        ("GET", f"{start}/api/kernels"),
        ("POST", f"{start}/api/terminals"),
        ("POST", f"{start}/api/shutdown"),
    ]
    seen = look(urls, {address: [*range(1, 10_000), *range(32_768, 61_000)]})
    assert seen["answers"] == {f"{method} {url}": 403 for method, url in urls}
    assert seen["ports"] == {address: [8888]}
    assert servers["alice"].me()["identity"]["username"] == "alice"


def test_own_token_of_a_container_is_for_itself(look: Look, hub_url: str, host: Host) -> None:
    """The hub knows which server it belongs to."""
    api = f"http://{host.check_output('hostname -i').split()[0]}:8081/hub/api"
    urls = [
        ("GET", f"{api}/users"),
        ("GET", f"{api}/users/alice"),
        ("POST", f"{api}/users/alice/activity"),
        ("POST", f"{api}/users/alice/server"),
        ("DELETE", f"{api}/users/alice/server"),
        ("POST", f"{api}/users/alice/tokens"),
        ("POST", f"{api}/share-codes/alice/"),
        ("POST", f"{api}/batchspawner"),
    ]
    told = look(urls)["answers"]
    assert len(told) == len(urls)
    assert {*told.values()} <= {403, 404}, told


def test_host_opens_only_the_hub_and_its_proxy(look: Look, host: Host) -> None:
    """Not the API of the proxy, the sharing page, or podman."""
    addresses = [each for each in host.check_output("hostname -I").split() if ":" not in each]
    found = {
        address: look(ports={address: [*range(1, 10_000), *range(32_768, 61_000)]})["ports"][address]
        for address in addresses
    }
    assert {8000, 8081} == {port for ports in found.values() for port in ports}, found


def test_container_has_no_mounts_but_its_own(look: Look) -> None:
    """No socket of the engine, and no other user's volume."""
    seen = look()
    places = ("/home", "/srv", "/var/lib", "/root", "/usr", "/opt")
    assert {each for each in seen["mounts"] if each.startswith(places)} - HISTORY == {"/home/jovyan/work"}
    assert not [each for each in seen["mounts"] if "podman.sock" in each]
    assert not seen["root"]


@pytest.mark.parametrize("owner", ["shared", "alice"])
def test_collaboration_server_mounts_its_home_and_history(owner: str, alice: Person, host: Host) -> None:
    alice.open(owner)
    found = json.loads(host.check_output("podman container inspect jupyter-%s", owner))[0]["Mounts"]
    mounted = {each["Destination"]: each.get("Name") for each in found}
    assert mounted == {
        "/home/jovyan/work": f"home-{owner}",
        "/var/lib/jupyterhub-rtc": f"jupyter-collab-history-{owner}",
    }
