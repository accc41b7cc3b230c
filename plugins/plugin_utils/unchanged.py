# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell from the discovery whether a plan would change nothing on the host, so that module `apply` need not run there."""

from __future__ import annotations

from typing import Any

from ..module_utils.apply.data import digest, menu, steady
from .steps import steps


def found(host: dict[str, Any], question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of module project_info, if the discovery has asked this question already, or else an empty dict."""
    applied = host.get("applied", {})
    answer: dict[str, Any] = applied["found"] if applied.get("question") == digest(question) else {}
    return answer


def unchanged(plan: dict[str, Any], host: dict[str, Any]) -> dict[str, Any]:
    """Return the results of `steps` and the `warnings` of the steps of a plan, if all of them would change nothing, or else an empty dict.

    host: the result of module hub_info, which has run the steps of the last plan in check mode.
    """
    applied = host.get("applied", {})
    wanted = steps(plan) if applied.get("digest") else []
    if not wanted or any("once" in step for step in wanted) or digest(steady(wanted)) != applied["digest"]:
        return {}
    base_url = (applied["steps"]["change"].get("hub") or {}).get("base_url", "/")
    if any(menu(step, base_url) != step["unless"] for step in wanted if "unless" in step):
        return {}
    return {name: applied[name] for name in ("steps", "warnings")}
