# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody without an account fills the hub's memory with large requests (requirement 12)."""

import socket

import pytest

from attacked_hub import Attacked
from jupyterhub_collab.strangers import LARGEST_OF_STRANGERS
from local_hub import PATIENCE

LARGE = 50_000_000


def answer_to(hub: Attacked, path: str, *headers: str, body: bytes = b"") -> str:
    """Send the beginning of a request, and return the first line of the answer; empty if the hub waits for the rest."""
    host, port = hub.hub_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        connection.sendall(
            "\r\n".join([f"POST {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode() + body
        )
        connection.settimeout(2)
        try:
            return connection.recv(1000).decode().partition("\r\n")[0]
        except TimeoutError:
            return ""


@pytest.mark.parametrize("path", ["/hub/login", "/hub/api/users", "/none"])
@pytest.mark.parametrize("who", ["", "Authorization: token none", "Cookie: jupyterhub-session-id=none"])
def test_large_request_of_a_stranger_is_refused_before_it_is_read(
    attacked: Attacked, path: str, who: str
) -> None:
    headers = [f"Content-Length: {LARGE}", *([who] if who else [])]
    assert answer_to(attacked, path, *headers) == "HTTP/1.1 400 Bad Request"


def test_request_in_chunks_is_refused_when_it_gets_large(attacked: Attacked) -> None:
    chunk = b"%x\r\n%s\r\n" % (LARGEST_OF_STRANGERS, b"x" * LARGEST_OF_STRANGERS)
    headers = ["Transfer-Encoding: chunked"]
    assert answer_to(attacked, "/hub/login", *headers, body=chunk) == ""
    assert answer_to(attacked, "/hub/login", *headers, body=2 * chunk) == "HTTP/1.1 400 Bad Request"


def test_users_and_services_send_what_they_could(attacked: Attacked) -> None:
    length = f"Content-Length: {LARGE}"
    for name in ("mallory", "service"):
        token = f"Authorization: token {attacked.token_of(name)}"
        assert answer_to(attacked, "/hub/api/users", length, token) == ""
    names = [f"a-long-list-{index}" for index in range(5_000)]
    answer = attacked.at_hub("mallory", "POST", "users", {"usernames": names})
    assert answer.status_code == 403, "the hub has not read the list"


def test_login_works(attacked: Attacked) -> None:
    with attacked.browser("mallory") as browser:
        assert browser.get("/hub/home").status_code == 200
