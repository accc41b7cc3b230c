# SPDX-License-Identifier: GPL-3.0-or-later
"""Remember which document a link (share code) opens, for the sharing page's list of links.

The document's path is in the address of the link, which nobody keeps. So each link that opens a document leaves a note, as in `opened`: a row
in the hub's table of authorization codes that belongs to the sharing page's OAuth client and to no user, and that the hub never accepts as a
code. It expires when the link would, even if the link is revoked before. A path decides nothing: it is only shown to those who can list the link.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

from jupyterhub import orm
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ..names import PAGE_CLIENT

CODES, CLIENTS = orm.OAuthCode.__table__, orm.OAuthClient.__table__
DOCUMENT = "document"  # the first word of a note
LONGEST = 400  # characters of a path that are kept, because a row has limited space


def keep(db: Session, link: orm.ShareCode, path: str) -> None:
    """Note which document a link opens. Without a sharing page, nobody would read the note."""
    if (
        not path
        or db.execute(select(CLIENTS.c.id).where(CLIENTS.c.identifier == PAGE_CLIENT)).first() is None
    ):
        return
    shown = path if len(path) <= LONGEST else path[: LONGEST - 1] + "…"
    # Databases refuse half of a character, and some control characters.
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in shown)
    note = json.dumps([DOCUMENT, shown], ensure_ascii=False)
    ends = int(link.expires_at.replace(tzinfo=UTC).timestamp())
    row = {"client_id": PAGE_CLIENT, "code": _key(link.hashed), "redirect_uri": note, "expires_at": ends}
    db.execute(insert(CODES).values(row))
    db.commit()


def documents_of(db: Session, spawner: int) -> dict[str, str]:
    """Return the paths of the documents that the links to a server open, by the links' hashes. Links without one are left out.

    spawner: ID of the server.
    """
    hashes = db.scalars(select(orm.ShareCode.hashed).where(orm.ShareCode.spawner_id == spawner))
    keys = {_key(each): each for each in hashes}
    is_about = CODES.c.client_id == PAGE_CLIENT, CODES.c.user_id.is_(None), CODES.c.code.in_(keys)
    notes = db.execute(select(CODES.c.code, CODES.c.redirect_uri).where(*is_about))
    return {keys[key]: str(json.loads(note)[1]) for key, note in notes}


def _key(hashed: str) -> str:
    # IDs of links are used again, hashes are not. The column has space for 36 characters.
    return hashlib.sha256(hashed.encode()).hexdigest()[:36]
