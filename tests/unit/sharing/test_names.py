# SPDX-License-Identifier: GPL-3.0-or-later
"""What people type into the sharing page's fields: names of people, and files. The hub is real."""

import pytest

from attacked_hub import Attacked
from page_forms import PAGE, press


def guests(hub: Attacked) -> set[str]:
    return {each["user"]["name"] for each in hub.ask("GET", "shares/alice/")["items"] if each["user"]}


def test_name_is_found_in_lower_case_as_well(attacked: Attacked) -> None:
    """Names that the login form accepts are accepted here, too, and a name that nobody has stays in the field."""
    attacked.ask("POST", "users/zoe2")
    with attacked.browser("alice", page=attacked.page) as alice:
        shown = press(alice, action="give", kind="user", name=" Zoe2 ")
        assert "Access granted" in shown.text
        assert "zoe2" in guests(attacked)
        shown = press(alice, action="give", kind="user", name="Nobody2")
        assert shown.status_code == 404
        assert "no user or group with that name" in shown.text
        assert 'required value="Nobody2"' in shown.text
    attacked.revoke("zoe2")


@pytest.mark.parametrize("name", ["alice", "Alice"])
def test_nobody_shares_with_themselves(name: str, attacked: Attacked) -> None:
    with attacked.browser("alice", page=attacked.page) as alice:
        shown = press(alice, action="give", kind="user", name=name)
    assert shown.status_code == 400
    assert "You already have access to your own server" in shown.text
    assert "alice" not in guests(attacked)


def test_address_of_another_server_makes_no_link(attacked: Attacked) -> None:
    """An address of the owner's server is understood as a file of it. One of another server is refused, and stays in the field."""
    with attacked.browser("alice", page=attacked.page) as alice:
        elsewhere = "http://127.0.0.1:8000/user/bob/lab/tree/plan.txt"
        shown = press(alice, action="make-link", document=elsewhere)
        assert shown.status_code == 400
        assert "That address is not one of this server" in shown.text
        assert f'value="{elsewhere}"' in shown.text
        shown = press(
            alice, action="make-link", document="http://127.0.0.1:8000/user/alice/lab/tree/a%20b.txt"
        )
        assert "Your new link to a b.txt." in shown.text
        press(alice, action="end-links")


def test_page_fills_in_what_jupyterlab_shares(attacked: Attacked) -> None:
    with attacked.browser("alice", page=attacked.page) as alice:
        shown = alice.get(f"{PAGE}?tab=mine&server=&document=a%26b.txt")
        assert 'value="a&amp;b.txt"' in shown.text
        assert "a&amp;b.txt" not in alice.get(f"{PAGE}?tab=mine&server=other&document=a%26b.txt").text
        for level, other in (("view", "edit"), ("edit", "view")):
            text = alice.get(f"{PAGE}?tab=mine&server=&level={level}").text
            assert f'value="{level}" selected' in text
            assert f'value="{other}" selected' not in text
        assert 'value="edit" selected' in alice.get(f"{PAGE}?tab=mine&server=&level=manage").text
