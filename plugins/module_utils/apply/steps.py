# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run all steps of a plan in one process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..host.step import Result, Step, StepFailed
from .data import Steps, menu, with_base_url

UNCHANGED = "Nothing was changed."


Apply = Callable[[Step], Result]
# What steps do: the options of each kind, and the function that applies it.
Kinds = dict[str, tuple[dict[str, dict[str, Any]], Apply]]


def apply_all(
    kinds: Kinds, steps: Steps, start: Callable[[dict[str, Any]], Step], environment: dict[str, str]
) -> dict[str, Any]:
    """Run the steps in this order, and return `changed`, the `diff`, and the results of `steps` by name. Raises StepFailed.

    start: makes a step of its options. environment: variables for the tools that install packages, which no other step gets.
    """
    results: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    for step in steps:
        base_url = (results.get("change", {}).get("hub") or {}).get("base_url", "/")
        if "unless" in step and menu(step, base_url) == step["unless"]:
            continue
        options = with_base_url(step["options"], base_url) if "unless" in step else step["options"]
        installs = step["does"] == "python_packages"
        try:
            with added(environment) if installs and environment else contextlib.nullcontext():
                result = apply_one(kinds, step["does"], options, start)
        except StepFailed as error:
            raise after(error, [*changes]) from error
        if result["changed"]:
            changes.setdefault(step["name"], []).append(result.pop("diff", []))
        if "item" in step:
            results.setdefault(step["name"], {"results": []})["results"].append(
                {**result, "item": step["item"]}
            )
        else:
            results[step["name"]] = result
    flat = [each for all_ in changes.values() for diff in all_ for each in listed(diff)]
    return {"changed": bool(changes), "diff": flat, "steps": results}


def apply_one(
    kinds: Kinds, kind: str, options: dict[str, Any], start: Callable[[dict[str, Any]], Step]
) -> Result:
    """Run one step. The options get their types and defaults as those of a module do."""
    arguments, apply = kinds[kind]
    validated = ArgumentSpecValidator(arguments).validate(options)
    if validated.error_messages:
        raise StepFailed(f"{kind}: {'. '.join(validated.error_messages)}. {UNCHANGED}")
    return apply(start(dict(validated.validated_parameters)))


def after(error: StepFailed, changed: list[str]) -> StepFailed:
    """Return the error of a step, which only knows about itself, after these steps have changed something."""
    if not changed:
        return error
    said = str(error).replace(UNCHANGED, f"Only earlier steps made changes: {', '.join(changed)}.")
    return StepFailed(said, **{**error.result, "changed": True})


def listed(diff: list[Any] | dict[str, Any]) -> list[Any]:
    return diff if isinstance(diff, list) else [diff]


@contextlib.contextmanager
def added(environment: dict[str, str]) -> Iterator[None]:
    """Add variables to the environment of this process within this context."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
