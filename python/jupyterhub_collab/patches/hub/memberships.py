# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the members of our roles in the hub's database with a few statements, regardless of how many roles and users exist.

Entries of `load_roles` could name the members, but not for a thousand roles: at each start, the hub looks up every member separately
(54 s for 1 000 projects with 20 members each, while the roles alone take 2 s), and creates users that it does not know. So the entries
name no members. Users and groups that the hub does not know yet get their roles when it creates them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.utils import maybe_future
from sqlalchemy import delete, event, insert, select
from sqlalchemy.engine import Connection

from ...hub.roles import load_roles
from ..releases import patches_hub

USERS = orm._role_associations["user"].__table__
GROUPS = orm._role_associations["group"].__table__
PEOPLE, TEAMS, ROLES = orm.User.__table__, orm.Group.__table__, orm.Role.__table__
EVERYONE = "user"  # the hub's default role of every user


@dataclass
class Members:
    """The names of the hub users and groups in a role. everyone: whether all hub users are, instead of those named."""

    users: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    everyone: bool = False


# The members that the fragments in this process have asked for, by the role's name.
wanted: dict[str, Members] = {}
# Hub users to create, although nobody logs in as them.
accounts: set[str] = set()


def add_roles(c: Any, entries: list[dict[str, Any]]) -> None:
    """Add roles to the hub, and keep their members to those named here. Members that the hub does not know are added when it creates them.

    entries: as in `load_roles`, each with `name`, `description`, `scopes`, `users` and `groups`. With `everyone` (true), all hub users are
    members. Raises ValueError if the configuration already has a role of one of these names.
    """
    there = load_roles(c)
    names = {entry["name"] for entry in entries}
    if taken := sorted(names & {role.get("name") for role in there}):
        raise ValueError(
            f"load_roles already has a role {taken[0]}, a name that this collection uses. Rename it"
        )
    for entry in entries:
        there.append({name: entry[name] for name in ("name", "description", "scopes")})
        is_for_everyone = bool(entry.get("everyone"))
        wanted[entry["name"]] = Members({*entry["users"]}, {*entry["groups"]}, is_for_everyone)
    take_over_members()


def add_accounts(names: Collection[str]) -> None:
    """Create hub users with these names when the hub starts."""
    accounts.update(names)
    take_over_members()


@patches_hub("jupyterhub.app:JupyterHub.init_role_assignment(self)")
def take_over_members() -> None:
    """Make the hub leave the members of these roles to us. Does nothing if it does so already."""
    theirs = JupyterHub.init_role_assignment
    if getattr(theirs, "leaves_ours", False):
        return

    @wraps(theirs)
    async def init_role_assignment(hub: Any) -> None:
        configured = hub.load_roles
        # Hide our entries: an entry without members removes all members of its role.
        hub.load_roles = [role for role in configured if role["name"] not in wanted]
        try:
            await maybe_future(theirs(hub))
        finally:
            hub.load_roles = configured
        for members in wanted.values():
            members.users = {hub.authenticator.normalize_username(name) for name in members.users}
        fill(hub.db)

    init_role_assignment.leaves_ours = True  # type: ignore[attr-defined]
    JupyterHub.init_role_assignment = init_role_assignment
    event.listen(orm.User, "after_insert", _welcome_user)
    event.listen(orm.Group, "after_insert", _welcome_group)


def fill(db: Any) -> None:
    """Create missing accounts, and set the members of all our roles."""
    new = [orm.User(name=name) for name in sorted(accounts - {*db.scalars(select(PEOPLE.c.name))})]
    db.add_all(new)
    db.flush()
    connection = db.connection()
    roles = _by_name(connection, ROLES)
    if new:
        _insert(connection, USERS, [(user.id, roles[EVERYONE]) for user in new])
    people = _by_name(connection, PEOPLE)
    users = {name: {*people} if each.everyone else each.users for name, each in wanted.items()}
    _fill(connection, roles, people, USERS, users)
    groups = {name: members.groups for name, members in wanted.items()}
    _fill(connection, roles, _by_name(connection, TEAMS), GROUPS, groups)
    db.commit()
    db.expire_all()


def _by_name(connection: Connection, table: Any) -> dict[str, int]:
    """Return the IDs of all rows of a table by their names."""
    return {row.name: row.id for row in connection.execute(select(table.c.name, table.c.id))}


def _fill(
    connection: Connection,
    roles: dict[str, int],
    ids: dict[str, int],
    table: Any,
    members: dict[str, set[str]],
) -> None:
    """Set the rows of an association table between our roles and users or groups. ids: those of the users or groups, by name."""
    who = table.c[0]  # user_id or group_id
    ours = {roles[name] for name in members}
    there = {
        (member, role) for member, role in connection.execute(select(who, table.c.role_id)) if role in ours
    }
    right = {(ids[member], roles[name]) for name, each in members.items() for member in each if member in ids}
    for member, role in there - right:
        connection.execute(delete(table).where((who == member) & (table.c.role_id == role)))
    if missing := sorted(right - there):
        _insert(connection, table, missing)


def _insert(connection: Connection, table: Any, rows: list[tuple[int, int]]) -> None:
    names = table.c[0].name, table.c.role_id.name
    connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def _welcome_user(_mapper: Any, connection: Connection, user: orm.User) -> None:
    """Give a new hub user those of our roles that name them, or all users."""
    names = [name for name, each in wanted.items() if each.everyone or user.name in each.users]
    _welcome(connection, USERS, user.id, names)


def _welcome_group(_mapper: Any, connection: Connection, group: orm.Group) -> None:
    _welcome(
        connection, GROUPS, group.id, [name for name, each in wanted.items() if group.name in each.groups]
    )


def _welcome(connection: Connection, table: Any, member: int, names: list[str]) -> None:
    roles = connection.scalars(select(ROLES.c.id).where(ROLES.c.name.in_(names))).all() if names else []
    if roles:
        _insert(connection, table, [(member, role) for role in roles])
