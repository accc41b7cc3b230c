# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the access level of a share or a link (share code), which the hub's database has in the share's own scopes.

A share at level `edit` has the scope `access:servers`, as on every JupyterHub. One at level `view` has MARK instead. The hub reads MARK as
`access:servers` as long as this package tells servers who may only view. MARK itself gives nothing: JupyterHub drops it when it expands scopes.
So a hub without this package, or with an older one, gives no access to those who may only view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from sqlalchemy import Text, and_, or_, type_coerce
from tornado import web

from ..names import ACCESS, EDIT, NO_LEVEL, ONLY_VIEW, VIEW

# What the database has for each level. `MARK` opens nothing. A share can give ACCESS and no other scope: the hub's API would accept any that
# the owner holds, such as stopping the server.
MARK = "read:users:name"
STORED = {VIEW: MARK, EDIT: ACCESS}
ORDER = (NO_LEVEL, VIEW, EDIT)


@dataclass
class Limits:
    """What users can give to others.

    level: of shares and links whose creator asks for none. highest: of all shares and links, also of those that exist. can_view: whether
    servers enforce levels.
    """

    level: str = EDIT
    highest: str = EDIT
    can_view: bool = True


limits = Limits()


def highest_of(*levels: str) -> str:
    return max(levels, key=ORDER.index)


def asked_level(level: Any) -> str:
    """Return a level that a request asks for. Raises HTTPError if it is not known, or higher than this hub allows."""
    if not isinstance(level, str) or level not in STORED:
        raise web.HTTPError(400, f"The level must be one of: {', '.join(STORED)}")
    if level == VIEW and not limits.can_view:
        raise web.HTTPError(
            403, "Servers cannot be shared at level view on this hub, because they have no live collaboration"
        )
    if ORDER.index(level) > ORDER.index(limits.highest):
        raise web.HTTPError(403, ONLY_VIEW)
    return level


def level_of(share: Any) -> str:
    """Return the level of a share or a link."""
    return level_in(share._scopes or ())


def level_of_link(_user: Any) -> Callable[[str], str]:
    """Return a function for the hub's templates, which returns the level that a link gives. The hub calls this with the page's user."""
    return _level_of_code


def _level_of_code(code: str) -> str:
    link = orm.ShareCode.find(JupyterHub.instance().db, code)
    return level_of(link) if link is not None else NO_LEVEL


def level_in(stored: Iterable[str]) -> str:
    """Return the level of a share with these scopes in the database, and at most the highest one that this hub allows."""
    names = {_name(scope) for scope in stored}
    level = next((level for level in (EDIT, VIEW) if STORED[level] in names), NO_LEVEL)
    return min(level, limits.highest, key=ORDER.index)


def at_level(table: Any, level: str) -> Any:
    """Return the condition for the database that a share or link has a level, as `level_in` tells it."""
    editing, viewing = (_has(table, STORED[each]) for each in (EDIT, VIEW))
    if limits.highest == VIEW:
        return or_(editing, viewing) if level == VIEW else and_(editing, ~editing)
    return editing if level == EDIT else and_(viewing, ~editing)


def _has(table: Any, scope: str) -> Any:
    """Return the condition that the scopes in the database have one of this name.

    They are text there, a list in JSON. In a name, a quotation mark follows a backslash, so a name cannot look like the beginning of a scope.
    """
    text = type_coerce(table._scopes, Text)
    return or_(
        *(text.like(f'%{before}"{scope}{after}%') for before in ("[", " ", ",") for after in ("!", '"'))
    )


def given(stored: list[str]) -> list[str]:
    """Return the scopes that a share gives, from those in the database."""
    level = level_in(stored)
    if level == VIEW:
        # Nothing else: a share from before this hub had limits can have any scope.
        places = {scope.partition("!")[2] for scope in stored if _name(scope) in STORED.values()}
        return sorted(f"{ACCESS}!{place}" for place in places)
    return [scope for scope in stored if level != EDIT or _name(scope) != MARK]


def to_store(scopes: Iterable[str], level: str) -> list[str]:
    """Return the scopes for the database of a share that gives access at a level. Raises HTTPError if its scopes do not give access."""
    return [f"{STORED[level]}!{scope.partition('!')[2]}" for scope in only_access(scopes)]


def only_access(scopes: Iterable[str], *names: str) -> list[str]:
    """Return the scopes that may be shared: access, and those of these names. Raises HTTPError if none is left."""
    allowed = [scope for scope in scopes if _name(scope) in (ACCESS, *names)]
    if not allowed:
        # A share without scopes would give nothing.
        raise web.HTTPError(403, f"Only {ACCESS} can be shared on this hub")
    return allowed


def _name(scope: str) -> str:
    return scope.partition("!")[0]
