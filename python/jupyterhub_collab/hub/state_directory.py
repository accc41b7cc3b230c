# SPDX-License-Identifier: GPL-3.0-or-later
"""Create a private directory on the hub's host for each server, owned by the account that runs the server."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner

from .containers import mounted_in

DEFAULT = "default"  # the server without a name
NAMED = "server-"
PASSABLE, PRIVATE = 0o711, 0o700
# Properties of a unit that make paths read-only, the last one under its older name.
SHUTTING = {"ProtectSystem", "ProtectHome", "ReadOnlyPaths", "ReadOnlyDirectories"}
# The property that SystemdSpawner sets from `readwrite_paths`, under its older name, unless `unit_extra_properties` has it.
WRITABLE = "ReadWriteDirectories"
A_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def path_of(spawner: Any, root: str) -> str:
    """Return the path `root/ACCOUNT/SERVER` of a server's directory.

    It is empty if the hub is not root, or if the server does not run as an account of this host.
    """
    if not root or os.geteuid() != 0:
        return ""
    try:
        server = NAMED + quote(spawner.name, safe="") if spawner.name else DEFAULT
        return os.path.join(root, account_of(spawner), server)
    except KeyError:
        return ""


def state_directory_of(spawner: Any, root: str) -> str:
    """Create a server's directory if it is missing, and return its path; empty if its account does not exist, or on an error.

    If the spawner mounts a volume there, this is the server's directory.
    """
    if is_mounted(spawner, root):
        return root
    path = path_of(spawner, root)
    if not path:
        return ""
    try:
        account = pwd.getpwnam(account_of(spawner))
        _make(root, (account.pw_name, os.path.basename(path)), account)
        _take_what_is_not_theirs(root, account)
        return os.path.join(root, account.pw_name, os.path.basename(path))
    except KeyError:
        spawner.log.warning("No state directory for %s: its account does not exist", spawner._log_name)
    except OSError as error:
        spawner.log.warning("No state directory for %s below %s: %s", spawner._log_name, root, error)
    return ""


def is_mounted(spawner: Any, path: str) -> bool:
    """Return whether a spawner of pods or containers mounts a volume of the server at this path."""
    if path in mounted_in(spawner):
        return True
    mounts = getattr(spawner, "volume_mounts", None) or []
    each = mounts.values() if isinstance(mounts, Mapping) else mounts
    return any(isinstance(mount, Mapping) and mount.get("mountPath") == path for mount in each)


def let_write(spawner: Any, root: str) -> None:
    """Let a server write to its directory if SystemdSpawner restricts it to read-only paths."""
    path = path_of(spawner, root)
    if not path or not _is_shut_in(spawner):
        return
    # The hyphen lets systemd ignore a missing path. The directory may be created with its account, a moment later.
    wanted = f"-{path}"
    extra = getattr(spawner, "unit_extra_properties", None) or {}
    if (told := extra.get(WRITABLE)) is not None:
        words = told.split() if isinstance(told, str) else told
        spawner.unit_extra_properties = {**extra, WRITABLE: " ".join(dict.fromkeys([*words, wanted]))}
    elif wanted not in (spawner.readwrite_paths or []):
        spawner.readwrite_paths = [*(spawner.readwrite_paths or []), wanted]


def _is_shut_in(spawner: Any) -> bool:
    """Return whether SystemdSpawner may keep a server from writing, by its own settings or by properties of the server's unit."""
    properties = getattr(spawner, "unit_extra_properties", None) or {}
    return bool(getattr(spawner, "readonly_paths", None) or SHUTTING & {*properties})


def account_of(spawner: Any) -> str:
    """Return the account that a spawner runs the server as. Raises KeyError if that is not an account of this host."""
    if spawner.has_trait(
        "username_template"
    ):  # SystemdSpawner, which can also create an account that exists while the server runs
        if not spawner.dynamic_users:
            return str(spawner._expand_user_vars(spawner.username_template))
    # SimpleLocalProcessSpawner runs all servers as the hub's account.
    elif isinstance(spawner, LocalProcessSpawner) and not isinstance(spawner, SimpleLocalProcessSpawner):
        return str(spawner.user.name)
    raise KeyError(spawner.user.name)


def _make(root: str, names: tuple[str, str], account: pwd.struct_passwd) -> None:
    """Create the directories. All except the last belong to root, so nobody else can replace one with a link."""
    missing = [above for above in Path(root).parents if not above.exists()]
    os.makedirs(root, exist_ok=True)
    for above in missing:  # whatever umask the hub has
        above.chmod(PASSABLE)
    with _opened(root) as top:
        _belongs(top, PASSABLE, 0, 0)
        with _made(names[0], top) as middle:
            _belongs(middle, PASSABLE, 0, 0)
            with _made(names[1], middle) as private:
                _belongs(private, PRIVATE, account.pw_uid, account.pw_gid)


def _take_what_is_not_theirs(root: str, account: pwd.struct_passwd) -> None:
    """Give root the directories of deleted accounts whose UID this account now has, so that it cannot read them."""
    with _opened(root) as top:
        for name in os.listdir(top):
            with contextlib.suppress(OSError), _opened(name, top) as middle:
                for server in os.listdir(middle) if not _is(name, account) else []:
                    with contextlib.suppress(OSError), _opened(server, middle) as private:
                        if os.fstat(private).st_uid == account.pw_uid:
                            os.fchown(private, 0, 0)
                            os.fchmod(private, PRIVATE)


def _is(name: str, account: pwd.struct_passwd) -> bool:
    """Return whether a name belongs to this account, or to another account with the same UID."""
    try:
        return name == account.pw_name or pwd.getpwnam(name).pw_uid == account.pw_uid
    except KeyError:
        return False


@contextlib.contextmanager
def _made(name: str, place: int) -> Iterator[int]:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, PRIVATE, dir_fd=place)
    with _opened(name, place) as directory:
        yield directory


@contextlib.contextmanager
def _opened(path: str, place: int | None = None) -> Iterator[int]:
    directory = os.open(path, A_DIRECTORY, dir_fd=place)
    try:
        yield directory
    finally:
        os.close(directory)


def _belongs(directory: int, mode: int, uid: int, gid: int) -> None:
    if os.fstat(directory).st_uid not in (
        0,
        uid,
    ):  # for example of a deleted account that had the same name
        raise PermissionError(errno.EPERM, "it belongs to another account")
    os.fchown(directory, uid, gid)
    os.fchmod(directory, mode)
