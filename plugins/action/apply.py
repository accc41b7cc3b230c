# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a plan to a host, unless the discovery has found that nothing would change. Then write the snippet and the report."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.collab.jupyterhub.plugins.action import plan as plan_action
from ansible_collections.collab.jupyterhub.plugins.module_utils.apply.data import BASE_URL
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import report
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.steps import steps

ENVIRONMENT = "jupyterhub_rtc_environment"


class ActionModule(plan_action.ActionModule):
    """Runs the module of the same name with the steps of the plan."""

    _VALID_ARGS = frozenset({"plan"})

    def _plan(self, task_vars: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        plan = self._plain(self._task.args["plan"])
        check_mode = bool(self._task.check_mode)
        unchanged = json.loads(plan["unchanged"])
        done = unchanged or self._ask(
            "apply",
            {
                "steps": steps(plan),
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
        if plan["state"] == "present" and (path := plan["snippet"]["path"]):
            base_url = (results["change"].get("hub") or {}).get("base_url", "/")
            text = plan["snippet"]["text"].replace(BASE_URL, base_url)
            results["snippet"] = written(Path(path), text, check_mode=check_mode)
        diff = [*done.get("diff", []), *results.get("snippet", {}).get("diff", [])]
        return {
            "changed": bool(done.get("changed") or results.get("snippet", {}).get("changed")),
            "diff": diff,
            "report": report.report(plan, results, check_mode=check_mode),
        }


def written(path: Path, text: str, *, check_mode: bool) -> dict[str, Any]:
    """Write an executable file on the machine that runs the playbook, unless it is there. Raises AnsibleActionFail."""
    try:
        path = path.resolve()
        before = path.read_bytes() if path.exists() else None
        changed = before != text.encode() or path.stat().st_mode & 0o777 != 0o755
        if changed and not check_mode:
            new = path.with_name(f".{path.name}.{os.getpid()}.new")
            new.write_text(text, encoding="utf-8")
            new.chmod(0o755)
            new.replace(path)
    except OSError as error:
        raise AnsibleActionFail(
            f"Failed to write the snippet to {path}: {error.strerror or error}. Fix it, then rerun."
        ) from error
    diff = {"before_header": str(path), "after_header": str(path), "after": text}
    diff["before"] = (before or b"").decode(errors="replace")
    return {"changed": changed, "diff": [diff] if changed else []}
