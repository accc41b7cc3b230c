# SPDX-License-Identifier: GPL-3.0-or-later
"""Let requests to the hub's API have fields that the hub does not know."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from jupyterhub.utils import maybe_future

from ...within import within
from ..releases import patches_hub


@patches_hub("jupyterhub.apihandlers.base:APIHandler.get_json_body(self)")
def with_field(theirs: Any, field: str, variable: ContextVar[str], check: Callable[[Any], str]) -> Any:
    """Wrap a handler's method, so that the bodies of its requests can have one more field.

    variable: has the field's value while the request is handled; empty if the request does not name the field. check: returns the value as it
    counts. Raises HTTPError if it must not be.
    """

    @wraps(theirs)
    async def taking(handler: Any, *arguments: Any, **named: Any) -> None:
        read = handler.get_json_body

        # The hub reads the request only after it has checked what its sender may do.
        def read_without_field() -> Any:
            body = read()
            if not isinstance(body, dict) or field not in body:
                return body
            variable.set(check(body[field]))
            return {name: value for name, value in body.items() if name != field}

        handler.get_json_body = read_without_field
        with within(variable, ""):
            await maybe_future(theirs(handler, *arguments, **named))

    return taking
