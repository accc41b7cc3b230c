# SPDX-License-Identifier: GPL-3.0-or-later
"""The one call that a configuration fragment makes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .accounts import reserve_accounts
from .roles import grant_everyone
from .servers import limit_cached_rights


def apply(
    c: Any,
    *,
    everyone: Iterable[str] = (),
    accounts: Iterable[str] = (),
    revocation_seconds: int | None = None,
) -> None:
    """Merge a policy into the hub's configuration `c` (a `traitlets.config.Config`).

    everyone: scopes that each hub user gets in addition to those that the hub gives by itself.
    accounts: names of hub users that own a server together; no person can log in under them.
    revocation_seconds: after how long a server that is started from now on asks the hub again whether somebody may come
    in; None leaves it at what the server does by itself.
    """
    grant_everyone(c, list(everyone))
    reserve_accounts(c, list(accounts))
    if revocation_seconds is not None:
        limit_cached_rights(c, revocation_seconds)
