# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a plan to a host, unless the discovery has found that nothing would change. Then write the snippet or the
image's recipe, and the report.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.collab.jupyterhub.plugins.action import plan as plan_action
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply.data import BASE_URL
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import image_recipe, report
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.steps import steps

ENVIRONMENT = "jupyterhub_rtc_environment"


class ActionModule(plan_action.ActionModule):
    """Runs the module of the same name with the steps of the plan."""

    _VALID_ARGS = frozenset({"plan", "nodes"})

    def _plan(self, task_vars: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        plan = self._plain(self._task.args["plan"])
        check_mode = bool(self._task.check_mode)
        of_nodes = {
            number for node in self._plain(self._task.args.get("nodes") or []) for number in node["numbers"]
        }
        unchanged = json.loads(plan["unchanged"])
        done = unchanged or self._ask(
            "apply",
            {
                "steps": steps(plan, sorted(of_nodes)),
                "package": package_files(),
                "question": json.loads(plan["question"]),
                "service": plan["service"],
                "environment": self._plain(task_vars.get(ENVIRONMENT) or {}),
            },
            task_vars,
            result,
        )
        if warnings := unchanged.get("warnings"):
            result["warnings"] = warnings
        results = done["steps"]
        base_url = (results["change"].get("hub") or {}).get("base_url", "/")
        here = {} if plan["state"] == "absent" else _files_here(plan, base_url, check_mode=check_mode)
        results |= here
        diff = [*done.get("diff", []), *(each for result in here.values() for each in result["diff"])]
        return {
            "changed": bool(done.get("changed") or any(result["changed"] for result in here.values())),
            "diff": diff,
            "report": report.report(plan, results, check_mode=check_mode),
            "base_url": base_url,
            "accounts": self._accounts(plan["nodes"], task_vars, result),
        }

    def _accounts(
        self, nodes: dict[str, Any], task_vars: dict[str, Any], result: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return the accounts that nodes must have, too."""
        if not (nodes["hosts"] and (nodes["accounts"] or nodes["comments"])):
            return []
        question = {name: nodes[name] for name in ("accounts", "comments")}
        found: list[dict[str, Any]] = self._ask("node_plan", question, task_vars, result)["accounts"]
        return found


def _files_here(plan: dict[str, Any], base_url: str, *, check_mode: bool) -> dict[str, dict[str, Any]]:
    """Write what the plan has for the machine that runs the playbook, and return a result for each. Raises AnsibleActionFail."""
    results = {}
    if path := plan["snippet"]["path"]:
        text = plan["snippet"]["text"].replace(BASE_URL, base_url).encode()
        with _failing("the snippet", path):
            results["snippet"] = written(Path(path), text, 0o755, check_mode=check_mode)
    if directory := plan["image"]["directory"]:
        files = {name: base64.b64decode(content) for name, content in plan["image"]["files"].items()}
        files[image_recipe.PROGRAM] = files[image_recipe.PROGRAM].replace(
            BASE_URL.encode(), base_url.encode()
        )
        with _failing("the image's recipe", directory):
            each = [
                written(Path(directory, name), content, 0o644, check_mode=check_mode)
                for name, content in files.items()
            ]
        results["image"] = {
            "changed": any(result["changed"] for result in each),
            "diff": [shown for result in each for shown in result["diff"]],
            "tag": image_recipe.tag(files),
        }
    return results


@contextlib.contextmanager
def _failing(what: str, where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AnsibleActionFail(
            f"Failed to write {what} to {where}: {error.strerror or error}. Fix it, then rerun."
        ) from error


def written(path: Path, content: bytes, mode: int, *, check_mode: bool) -> dict[str, Any]:
    """Write a file on the machine that runs the playbook, and its directory, unless it is there. Raises OSError."""
    path = path.resolve()
    before = path.read_bytes() if path.exists() else None
    changed = before != content or path.stat().st_mode & 0o777 != mode
    if changed and not check_mode:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}.new")
        new.write_bytes(content)
        new.chmod(mode)
        new.replace(path)
    diff = {"before_header": str(path), "after_header": str(path)}
    diff |= {"before": _shown(before or b""), "after": _shown(content)}
    return {"changed": changed, "diff": [diff] if changed else []}


def _shown(content: bytes) -> str:
    """Return a file's text for a diff."""
    return f"({len(content)} bytes)\n" if b"\0" in content else content.decode(errors="replace")
