# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what a run has applied, so that the next run's discovery can tell that the same plan would change nothing.

Nothing depends on whether the record is right. It has the steps themselves, and the discovery compares them with the host, with the code
that module `apply` uses. So a difference is found however it arose, and a record that is wrong or out of date only costs a full run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..host import state as host_state
from ..host.step import Step, StepFailed
from ..host.systemd_unit import show
from ..hub import compare
from ..packages import lab_files
from .data import Steps, digest, steady
from .steps import Kinds, apply_all

HUB_ARGUMENTS = {**compare.ARGUMENTS, "package_path": {"type": "path", "default": ""}}
# What a record of a hub without projects has. The discovery sends no more code to a host than it needs.
KINDS: Kinds = {
    "hub_config": (HUB_ARGUMENTS, compare.apply),
    "lab_settings": (lab_files.ARGUMENTS, lab_files.apply),
}
Answer = Callable[[dict[str, Any]], dict[str, Any]]


class Look(Step):
    """A step that changes nothing, and whose warnings are kept until it is known whether they are needed."""

    def __init__(self, module: AnsibleModule, params: dict[str, Any]) -> None:
        super().__init__(module, params)
        self.check_mode = True
        self.warnings: list[str] = []

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)


def name_of(service: str) -> str:
    """Return the name of the record of a hub. service: the hub's unit, as `host_state.name_of` returns it."""
    return f"{service}.applied"


def keep(service: str, steps: Steps, question: dict[str, Any] | None) -> None:
    """Record that a run has applied these steps, or forget it if they remove collaboration.

    question: what module project_info was asked.
    """
    what: dict[str, Any] = {}
    if all(step["options"].get("state") != "absent" for step in steps if step["name"] == "change"):
        start = show(service).invocation
        what = {"hub_start": start, "steps": steady(steps), "question": question}
    # Whatever was there: a record that cannot be read, or is not safe to use, would never be replaced otherwise.
    host_state.remember(name_of(service), what)


def look(
    module: AnsibleModule, service: str, kinds: Kinds | None = None, answer: Answer | None = None
) -> dict[str, Any]:
    """Return what the next plan can do without, or nothing if there is no record, or one with other kinds of steps.

    kinds: the kinds of steps that can be compared here; None for those of `KINDS`. answer: returns what module project_info would, if that can be asked here.

    `digest` is that of steps that would change nothing (empty if there are none such), `steps` and `warnings` are their results, `found` is the
    answer of module project_info to the `question` with this digest.
    """
    path = host_state.path_of(name_of(service))
    if not os.path.lexists(path):
        return {}
    try:
        with host_state.lock(0):  # another run may be about to change what is compared here
            there = os.lstat(path)
            if there.st_uid != os.geteuid() or there.st_mode & 0o022:  # also of a link
                return {}
            known = host_state.recall(name_of(service))
            return _look(module, service, known, kinds or KINDS, answer)
    except (OSError, StepFailed, host_state.Unusable):
        return {}
    except Exception as error:  # a record of another release, or one that is damaged
        module.warn(f"The record of the last run cannot be used, so this run looks at everything: {error!r}")
        return {}


def _look(
    module: AnsibleModule, service: str, known: dict[str, Any], kinds: Kinds, answer: Answer | None
) -> dict[str, Any]:
    if (known["question"] and not answer) or any(step["does"] not in kinds for step in known["steps"]):
        return {}
    found: dict[str, Any] = {"digest": ""}
    if known["question"] and answer:
        found |= {"question": digest(known["question"]), "found": answer(known["question"])}
    if not known["hub_start"] or known["hub_start"] != show(service).invocation:
        return found
    started: list[Look] = []

    def start(params: dict[str, Any]) -> Look:
        started.append(Look(module, params))
        return started[-1]

    # The plan compares the steps with `unless` itself, because the discovery finds the settings that are there.
    done = apply_all(kinds, [step for step in known["steps"] if "unless" not in step], start, {})
    if done["changed"] or any(each.repairs for each in started):
        return found
    warnings = [sentence for each in started for sentence in each.warnings]
    return found | {"digest": digest(known["steps"]), "steps": done["steps"], "warnings": warnings}
