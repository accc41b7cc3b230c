# SPDX-License-Identifier: GPL-3.0-or-later
"""People in front of a browser, for tests.

A test that uses this package reads like what two people do::

    with Hub("http://10.88.0.5:8000") as hub:
        alice = hub.login("alice", "her password")
        bob = hub.login("bob", "his password")
        hers = alice.open("shared").document("notes.txt")
        his = bob.open("shared").document("notes.txt")
        hers.insert(0, "hello")
        his.wait_until(lambda notes: notes.text == "hello")

Nothing is simulated on the other side: pages are fetched, forms are sent, buttons are pressed, websockets are
opened, with the cookies that a browser would hold. Whatever says no raises `Refused`, and the exception holds
the sentence that the person would read.

Each module is one thing a person has to do with:

=============  ==============================================================
`hub`          the hub as everyone sees it: its address, its login page
`person`       someone: pages, forms, servers that they open, their REST calls
`page`         one page as it was answered: its sentence, its forms
`server`       a server that someone is in: files, kernels, terminals
`document`     a file open in the editor, shared with others who have it open
`terminal`     a terminal in a server
`room`         the asyncio core of `document`, for benchmarks with many people
`kernel`       how a cell is run and its outputs reach the shared notebook
`sockets`      websockets; `background` owns the event loop that they live on
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
