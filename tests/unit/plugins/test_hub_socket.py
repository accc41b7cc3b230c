# SPDX-License-Identifier: GPL-3.0-or-later
"""An account of the host tries to take the hub's port while the hub restarts. Uses real sockets of real accounts, so it needs root."""

import ipaddress
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import listeners
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import api, connection, health, held_port
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.errors import Failed

from child import Child
from local_hub import LocalHub, wait_until
from open_place import open_place
from ports import free_port
from unused_accounts import FIRST

MALLORY = FIRST + 31
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to listen as other accounts")

# Begins a program that runs as another account, after its imports: that account may not be able to read this Python.
BECOME = f"""
import encodings.idna, http.server, os, socket, sys, time
os.setgroups([]); os.setgid({MALLORY}); os.setuid({MALLORY})
"""
# Answers as a hub does, and prints the tokens that it receives.
IMPOSTOR = """
class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.headers.get("Authorization"), flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"version": "6.1.1"}')
    do_POST = do_GET
class Server(http.server.HTTPServer):
    address_family = int(sys.argv[3])
    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()
server = Server((sys.argv[1], int(sys.argv[2])), Hub)
print("listens", flush=True)
server.serve_forever()
"""
# Takes a port as soon as possible, in every way that the kernel offers.
TAKER = """
print("tries", flush=True)
while True:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            taken.bind(("127.0.0.1", int(sys.argv[1])))
            taken.listen()
        except OSError:
            time.sleep(0.001)
            continue
        sys.stdin.read()
"""


@contextmanager
def of_mallory(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-I", "-c", BECOME + program, *arguments]
    pipe = subprocess.PIPE
    with Child(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process


def told(process: subprocess.Popen[str]) -> str:
    """End a program, and return what it has printed."""
    process.kill()
    assert process.stdout
    return process.stdout.read()


@contextmanager
def impostor(
    port: int, address: str = "127.0.0.1", family: int = socket.AF_INET
) -> Iterator[subprocess.Popen[str]]:
    with of_mallory(IMPOSTOR, address, str(port), str(int(family))) as process:
        assert process.stdout and process.stdout.readline() == "listens\n"
        yield process


@contextmanager
def taker(port: int) -> Iterator[None]:
    """Have mallory try to take the port of 127.0.0.1 during the block, and succeed afterwards, when no process may hold it anymore."""
    with of_mallory(TAKER, str(port)) as process:
        assert process.stdout and process.stdout.readline() == "tries\n"
        yield
        wait_until(lambda: is_taken(port))


def is_taken(port: int) -> bool:
    """Return whether mallory has the port. He keeps it once he has it."""
    return MALLORY in [each.uid for each in listeners.at("127.0.0.1", port)]


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"version": "6.1.1"}).encode())

    def log_message(self, *_what: object) -> None:
        pass


@contextmanager
def hub(address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Serve as the hub in this process."""
    with ThreadingHTTPServer((address, port or free_port()), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def unit(process: int = 0) -> Unit:
    return Unit("hub", {"Id": "hub.service", "ActiveState": "active", "MainPID": str(process or os.getpid())})


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}/hub/api"


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_hub_is_the_hub(address: str) -> None:
    with hub(address) as port:
        assert health.version(url(port), unit()) == "6.1.1"
        assert health.answers(url(port), unit())
    assert health.version(url(port), unit()) is None


def test_someone_in_its_place_is_not_believed_and_gets_no_token() -> None:
    port = free_port()
    with impostor(port) as mallory:
        with pytest.raises(connection.Impostor, match=rf"process {mallory.pid} of account {MALLORY} listens"):
            health.version(url(port), unit())
        with pytest.raises(api.NoAnswer, match=f"account {MALLORY}"):
            api.HubApi(url(port), "a-secret", unit()).request("POST", "/shutdown")
        assert not health.answers(url(port), unit())
        with pytest.raises(Failed, match=f"account {MALLORY} listens at 127.0.0.1:{port} instead of the hub"):
            health.wait_until_it_answers(unit, {"api_url": url(port)}, 5, Failed)
        assert told(mallory) == ""


def test_another_service_of_root_is_not_the_hub() -> None:
    with hub() as port, Child(["sleep", "60"]) as other:
        try:
            with pytest.raises(connection.Impostor, match="account root"):
                health.version(url(port), unit(other.pid))
        finally:
            other.kill()


def test_who_listens_elsewhere_at_the_same_port_is_no_matter() -> None:
    """A user who listens on the same port at other addresses does not matter: here, the hub has all of IPv4, and the user all of IPv6."""
    with hub("0.0.0.0") as port, impostor(port, "::", socket.AF_INET6):
        assert health.version(url(port), unit()) == "6.1.1"


def test_change_of_listeners_in_the_moment_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's socket that replaces the hub's between the check and the connection is noticed."""
    port = free_port()
    before = [listeners.Listener(ipaddress.ip_address("127.0.0.1"), port, 0, "1")]
    real, seen = listeners.at, []

    def first_the_hub(address: str, port: int) -> list[listeners.Listener]:
        seen.append(address)
        return before if len(seen) == 1 else real(address, port)

    monkeypatch.setattr(listeners, "at", first_the_hub)
    with impostor(port) as mallory:
        with pytest.raises(connection.Impostor):
            health.version(url(port), unit())
        assert len(seen) == 2
        assert told(mallory) == ""


def test_unix_socket_of_someone_else() -> None:
    program = (
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); "
        "print('listens', flush=True); print(s.accept()[0].recv(9), flush=True)"
    )
    with open_place() as directory:
        directory.chmod(0o777)
        place = f"{directory}/hub.sock"
        with of_mallory(program, place) as mallory:
            assert mallory.stdout and mallory.stdout.readline() == "listens\n"
            with pytest.raises(connection.Impostor, match=str(mallory.pid)):
                health.version(f"http+unix://{place.replace('/', '%2F')}/hub/api", unit())
            assert mallory.stdout.readline() == "b''\n", "he was sent something"


def test_hub_that_a_script_of_its_unit_starts_as_another_account(tmp_path: Path) -> None:
    """A hub that a unit's script starts as another account is recognized, although the unit says root and systemd knows the script only."""
    program, port = tmp_path / "jupyterhub", free_port()
    program.write_text(f"#!{sys.executable}\n{BECOME}{IMPOSTOR}")
    program.chmod(0o755)
    script = f"{program} 127.0.0.1 {port} {int(socket.AF_INET)}; true"
    with Child(["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True) as started:
        try:
            assert started.stdout and started.stdout.readline() == "listens\n"
            assert health.version(url(port), unit(started.pid)) == "6.1.1"
            assert started.stdout.readline() == "None\n", "it does not tell what it is asked"
        finally:
            os.killpg(started.pid, 9)


def test_port_stays_roots_while_a_real_hub_restarts(tmp_path: Path) -> None:
    """The port stays root's, and a real hub starts, while a user tries to take the port at every moment."""
    real = LocalHub(tmp_path / "hub")
    config = real.directory / "jupyterhub_config.py"
    config.write_text(
        f"{config.read_text()}\nfrom jupyterhub_collab.hub.shared_port import share_port\nshare_port()\n"
    )
    port = real._hub_port
    held = held_port.HeldPort()
    held.hold(connection.places(url(port), Unit("hub", {})))
    with taker(port):
        real.start()
        try:
            assert real._process
            running = unit(real._process.pid)
            assert connection.places(url(port), running) == [("127.0.0.1", port)]
            held.let_go()
            assert health.version(url(port), running)
            # Also before the hub ends the next time.
            held.hold([("127.0.0.1", port)])
        finally:
            real.kill()
        assert cannot_be_had(port) and not is_taken(port)
        held.let_go()


def cannot_be_had(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def test_port_is_held_from_the_moment_when_it_is_free(tmp_path: Path) -> None:
    """The port of a hub that did not share it, as before the collection, is held from the moment it becomes free."""
    held = held_port.HeldPort()
    with hub() as port:
        held.hold([("127.0.0.1", port)])
    try:
        wait_until(lambda: cannot_be_had(port))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    finally:
        held.let_go()
    with hub("127.0.0.1", port):
        assert health.version(url(port), unit()) == "6.1.1"


def test_port_stays_held_from_one_try_to_the_next() -> None:
    """The port stays held between attempts, as when a hub does not return in time and the previous one is started again."""
    port = free_port()
    held = held_port.HeldPort()
    held.hold([("127.0.0.1", port)])
    with taker(port):
        for _time in range(200):
            held.hold([("127.0.0.1", port)])
        assert cannot_be_had(port) and not is_taken(port)
        held.hold([])


def test_two_hubs_do_not_share_a_port(tmp_path: Path) -> None:
    """A second hub cannot share the port, because each would get half of the connections."""
    program = (
        "import sys; from jupyterhub_collab.hub.shared_port import share_port; share_port(); from tornado.httpserver import HTTPServer; "
        "HTTPServer(lambda r: None).listen(int(sys.argv[1]), address='127.0.0.1')"
    )
    with hub() as port:
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "python")}
        done = subprocess.run(
            [sys.executable, "-c", program, str(port)], env=env, capture_output=True, text=True, check=False
        )
    assert "Address already in use" in done.stderr
