# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and set POSIX access control lists, which Linux keeps in two extended attributes of a file.

No program such as setfacl is used, because a program takes paths, and a path can lead to another file a moment later.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
READ, WRITE, EXECUTE = 4, 2, 1
ALL = READ | WRITE | EXECUTE

# From linux/posix_acl_xattr.h.
_VERSION = 2
_HEAD, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_OWNER, _USER, _OWNING_GROUP, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NOBODY = 0xFFFFFFFF  # for entries without a UID or GID


@dataclass(frozen=True)
class Acl:
    """An access control list. users, groups: permissions by UID and by GID. mask: None if the list consists of the file's mode only."""

    owner: int
    group: int
    other: int = 0
    users: Mapping[int, int] = field(default_factory=dict)
    groups: Mapping[int, int] = field(default_factory=dict)
    mask: int | None = None

    def encode(self) -> bytes:
        """Return the value of the extended attribute."""
        entries = [(_OWNER, self.owner, _NOBODY)]
        entries += [(_USER, permissions, user) for user, permissions in sorted(self.users.items())]
        entries.append((_OWNING_GROUP, self.group, _NOBODY))
        entries += [(_GROUP, permissions, group) for group, permissions in sorted(self.groups.items())]
        if self.mask is not None:
            entries.append((_MASK, self.mask, _NOBODY))
        entries.append((_OTHER, self.other, _NOBODY))
        return _HEAD.pack(_VERSION) + b"".join(_ENTRY.pack(*entry) for entry in entries)

    @property
    def effective(self) -> Acl:
        """The effective permissions: the list with its mask applied."""
        mask = ALL if self.mask is None else self.mask
        return Acl(
            self.owner,
            self.group & mask,
            self.other,
            {user: permissions & mask for user, permissions in self.users.items()},
            {group: permissions & mask for group, permissions in self.groups.items()},
        )


def decode(attribute: bytes) -> Acl:
    """Return the list in an extended attribute. Raises ValueError if it is of another version."""
    if _HEAD.unpack_from(attribute)[0] != _VERSION:
        raise ValueError("unknown version of an access control list")
    single: dict[int, int] = {}
    named: dict[int, dict[int, int]] = {_USER: {}, _GROUP: {}}
    for tag, permissions, number in _ENTRY.iter_unpack(attribute[_HEAD.size :]):
        if tag in named:
            named[tag][number] = permissions
        else:
            single[tag] = permissions
    return Acl(
        single[_OWNER], single[_OWNING_GROUP], single[_OTHER], named[_USER], named[_GROUP], single.get(_MASK)
    )


def of_mode(mode: int) -> Acl:
    """Return the list that is equivalent to a file mode."""
    return Acl(mode >> 6 & ALL, mode >> 3 & ALL, mode & ALL)


def read(file: int, attribute: str = ACCESS) -> Acl | None:
    """Return the list of an open file, which may be opened with O_PATH, or None if it has none."""
    with contextlib.suppress(OSError):  # there is none, or the file system does not support lists
        return decode(os.getxattr(path_of(file), attribute))
    return None


def write(file: int, acl: Acl, attribute: str = ACCESS) -> None:
    """Set the list of an open file. Setting the access list also sets the mode."""
    os.setxattr(path_of(file), attribute, acl.encode())


def path_of(file: int) -> str:
    """Return a path that always leads to this open file, even if its name changes."""
    return f"/proc/self/fd/{file}"
