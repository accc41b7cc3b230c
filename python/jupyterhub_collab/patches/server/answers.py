# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust the hub's answers about visitors for longer while the hub says that nothing has changed.

JupyterHub's `HubAuth` keeps each answer for `cache_max_age` seconds. Here, this time counts from the last moment at which the hub is known
to have had no other answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..releases import patches_hub

# Returns until when an answer was right, as `time.monotonic`, and for how many seconds it can be trusted at most; None if there is a newer one.
Confirm = Callable[[dict[str, Any]], tuple[float, float] | None]


@patches_hub(
    "jupyterhub.services.auth:HubAuth.cache",
    "jupyterhub.services.auth:_ExpiringDict._check_age(self, key)",
    "jupyterhub.services.auth:_ExpiringDict.purge_expired(self)",
)
def trust_confirmed(hub_auth: Any, confirm: Confirm) -> None:
    """From now on, have this `HubOAuth` trust an answer for `cache_max_age` seconds after it was last confirmed."""
    from jupyterhub.services.auth import _ExpiringDict  # noqa: PLC0415  # a server without a hub may lack it

    class Answers(_ExpiringDict):
        def _is_valid(self, key: str) -> bool:
            answer, stored = self.values.get(key), self.timestamps.get(key, 0.0)
            age = time.monotonic() - stored
            is_young = not self.max_age or age <= self.max_age
            if not isinstance(answer, dict):
                return is_young  # the hub knows nobody by this token
            if (confirmed := confirm(answer)) is None:
                return False
            until, longest = confirmed
            return is_young or (age <= longest and time.monotonic() - until <= self.max_age)

        def _check_age(self, key: str) -> None:
            if key in self.values and not self._is_valid(key):
                self._drop(key)
            self._maybe_purge()

        def _drop(self, key: str) -> None:
            # `HubAuth` also uses its answers in a thread of its own.
            self.values.pop(key, None)
            self.timestamps.pop(key, None)

        def purge_expired(self) -> None:
            self._last_purge = time.monotonic()
            for key in list(self.timestamps):
                if not self._is_valid(key):
                    self._drop(key)

    hub_auth.cache = Answers(hub_auth.cache_max_age)
