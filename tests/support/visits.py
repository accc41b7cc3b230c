# SPDX-License-Identifier: GPL-3.0-or-later
"""What visitors of a local hub's server open there."""

from urllib.parse import quote

from local_hub import LocalHub
from people.room import Room, Seat
from people.sockets import Door

EVENTS = "api/events/subscribe"  # which each page has open


def door_of_document(hub: LocalHub, who: str, name: str) -> Door:
    form = {"format": "text", "type": "file"}
    session = hub.at_server(who, "PUT", "api/collaboration/session/" + quote(name), form).json()
    path = f"api/collaboration/room/text:file:{session['fileId']}?sessionId={session['sessionId']}"
    return hub.door(who, path)


async def open_document(hub: LocalHub, who: str, name: str = "plan.txt") -> Room:
    room = Room(
        Seat(name, False, door_of_document(hub, who, name), {"username": who, "name": who, "color": "red"})
    )
    await room.join()
    return room
