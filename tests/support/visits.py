# SPDX-License-Identifier: GPL-3.0-or-later
"""What visitors of a local hub's server open there."""

from urllib.parse import quote

from local_hub import LocalHub
from people.room import Room, Seat

EVENTS = "api/events/subscribe"  # which each page has open


async def open_document(hub: LocalHub, who: str, name: str = "plan.txt") -> Room:
    form = {"format": "text", "type": "file"}
    session = hub.at_server(who, "PUT", "api/collaboration/session/" + quote(name), form).json()
    path = f"api/collaboration/room/text:file:{session['fileId']}?sessionId={session['sessionId']}"
    room = Room(Seat(name, False, hub.door(who, path), {"username": who, "name": who, "color": "red"}))
    await room.join()
    return room
