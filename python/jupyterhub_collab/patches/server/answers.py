# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust the hub's answers about visitors for longer while the hub says that nothing has changed.

JupyterHub's `HubAuth` keeps each answer for `cache_max_age` seconds. Here, this time counts from the last moment at which the hub is known
to have had no other answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..releases import patches_hub

# Who accepts a share comes at once, before the hub's message about it. A refusal is kept only so that nobody makes the server ask all the time.
REFUSED_SECONDS = 0.2
# Returns until when an answer was right, as `time.monotonic`, and for how many seconds it can be trusted at most; None if there is a newer one.
Confirm = Callable[[dict[str, Any]], tuple[float, float] | None]


@patches_hub(
    "jupyterhub.services.auth:HubAuth.cache",
    "jupyterhub.services.auth:_ExpiringDict._check_age(self, key)",
    "jupyterhub.services.auth:_ExpiringDict._maybe_purge(self)",
    "jupyterhub.services.auth:_ExpiringDict.purge_expired(self)",
)
def trust_confirmed(hub_auth: Any, confirm: Confirm) -> None:
    """From now on, have this `HubOAuth` trust an answer for `cache_max_age` seconds after it was last confirmed."""
    from jupyterhub.services.auth import _ExpiringDict  # noqa: PLC0415  # a server without a hub may lack it

    hub_auth.cache.confirm = confirm
    hub_auth.cache.admits = lambda answer: bool(hub_auth.check_scopes(hub_auth.access_scopes, answer))
    check, purge = _ExpiringDict._check_age, _ExpiringDict.purge_expired
    if hasattr(check, "asks_whether_confirmed"):
        return

    @wraps(check)
    def check_age(answers: Any, key: str) -> None:
        if not hasattr(answers, "confirm"):
            check(answers, key)
            return
        if key in answers.values and not _is_valid(answers, key):
            _drop(answers, key)
        answers._maybe_purge()

    @wraps(purge)
    def purge_expired(answers: Any) -> None:
        if not hasattr(answers, "confirm"):
            purge(answers)
            return
        answers._last_purge = time.monotonic()
        for key in list(answers.timestamps):
            if not _is_valid(answers, key):
                _drop(answers, key)

    check_age.asks_whether_confirmed = True  # type: ignore[attr-defined]
    _ExpiringDict._check_age = check_age
    _ExpiringDict.purge_expired = purge_expired


def _is_valid(answers: Any, key: str) -> bool:
    answer, stored = answers.values.get(key), answers.timestamps.get(key, 0.0)
    now = time.monotonic()
    is_young = not answers.max_age or now - stored <= answers.max_age
    if not isinstance(answer, dict):
        return is_young  # the hub knows nobody by this token
    if (confirmed := answers.confirm(answer)) is None:
        return False
    if not answers.admits(answer):
        return bool(now - stored <= REFUSED_SECONDS)
    until, longest = confirmed
    return is_young or (now - stored <= longest and now - until <= answers.max_age)


def _drop(answers: Any, key: str) -> None:
    # `HubAuth` also uses its answers in a thread of its own.
    answers.values.pop(key, None)
    answers.timestamps.pop(key, None)
