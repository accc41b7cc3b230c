# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirement V7: alice and bob write to each other in a chat of their shared server."""

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from browser.conftest import in_container
from browser.lab import Lab
from scenario import wait_until

CHAT = "untitled.chat"  # jupyterlab-chat's name for the first one


def say(lab: Lab, text: str) -> None:
    lab.page.get_by_placeholder("Type a chat message").fill(text)
    lab.page.keyboard.press("Enter")


def said(lab: Lab) -> Locator:
    """What a window shows of the chat: names, times and messages."""
    return lab.page.locator(".jp-chat-messages-container")


def test_two_people_write_to_each_other(alice: Lab, bob: Lab, screenshots: Path) -> None:
    """Each message has the name of the person whom the hub knows, in both windows and in the file."""
    for lab in (alice, bob):
        lab.open("Welcome.ipynb")
        lab.close_others()
    alice.run_command("Create a new chat")
    say(alice, "Shall we meet at noon?")
    bob.open_file(CHAT)
    expect(said(bob)).to_contain_text(re.compile(r"alice.*Shall we meet at noon\?", re.DOTALL))
    say(bob, "Yes, at the library.")
    # One's own messages have no name, but buttons.
    expect(said(alice)).to_contain_text(
        re.compile(r"Shall we meet at noon\?.*bob.*Yes, at the library\.", re.DOTALL)
    )
    expect(said(bob)).to_contain_text("Yes, at the library.")
    for lab in (alice, bob):
        expect(said(lab).get_by_role("button", name="Edit")).to_have_count(1)
        expect(lab.dialogs).to_have_count(0)
    bob.page.screenshot(path=screenshots / "chat.png")

    def kept() -> list[tuple[str, str]]:
        chat = json.loads(in_container("cat", f"/home/shared/{CHAT}") or "{}")
        return [(each["sender"], each["body"]) for each in chat.get("messages", [])]

    wait_until(lambda: kept() == [("alice", "Shall we meet at noon?"), ("bob", "Yes, at the library.")])
    for lab in (alice, bob):
        lab.open("Welcome.ipynb")
        lab.close_others()
