# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated people with a browser, for tests.

A test that uses this package reads like the actions of two people::

    with Hub("http://10.88.0.5:8000") as hub:
        alice = hub.login("alice", "her password")
        bob = hub.login("bob", "his password")
        hers = alice.open("shared").document("notes.txt")
        his = bob.open("shared").document("notes.txt")
        hers.insert(0, "hello")
        his.wait_until(lambda notes: notes.text == "hello")

The hub and the servers are real: the package fetches pages, submits forms, presses buttons and opens websockets, with
the cookies that a browser would send. A refusal by any of them raises `Refused`, with the message that the person
would read.

The modules:

=============  ==============================================================
`hub`          the hub as everyone sees it: its URL, its login page
`person`       a user: pages, forms, servers that they open, REST calls
`page`         one page from a response: its message, its forms
`server`       a server that a user has opened: files, kernels, terminals
`document`     a file open in the editor, shared with others who have it open
`terminal`     a terminal in a server
`room`         the asyncio core of `document`, for benchmarks with many people
`kernel`       runs a cell and writes its outputs into the shared notebook
`sockets`      websockets; `background` owns the event loop that they run on
=============  ==============================================================
"""

from .document import Document
from .errors import Failed, LoginRefused, NotGiven, NotRunning, Refused
from .hub import Hub, HubBehindLogin
from .page import Page
from .person import Person
from .room import Presence, Room
from .server import Server, notebook
from .sockets import Closed
from .terminal import Terminal

__all__ = [
    "Closed",
    "Document",
    "Failed",
    "Hub",
    "HubBehindLogin",
    "LoginRefused",
    "NotGiven",
    "NotRunning",
    "Page",
    "Person",
    "Presence",
    "Refused",
    "Room",
    "Server",
    "Terminal",
    "notebook",
]
