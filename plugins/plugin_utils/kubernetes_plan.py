# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the files for a hub on Kubernetes, with pure functions of the variables of role jupyterhub_rtc."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .fragments import fragments
from .kubernetes_files import files
from .plan import lab_options
from .policy import kubernetes, projects, rtc
from .policy.settings import Settings


def plan(settings: Settings) -> dict[str, Any]:
    """Return what to write if the variables have no problems, as plain data (see module `kubernetes_plan`)."""
    wanted, host = settings.kubernetes, kubernetes.host(settings.kubernetes)
    policy = rtc.policy(settings.rtc, host)
    # There are no workspaces on Kubernetes, and no earlier projects that module project_info would find.
    opened = projects.policy(settings.projects, host, {}) | {"workspaces": []}
    made = files(wanted, policy, fragments(settings, policy, opened), lab_options(policy, wanted["base_url"]))
    return {
        "directory": wanted["directory"],
        "files": made["files"],
        "report": [*_access(wanted, policy, opened), *_next_steps(wanted, made["images"])],
    }


def _access(wanted: dict[str, Any], policy: dict[str, Any], opened: dict[str, Any]) -> Iterator[str]:
    yield f"Mode: {policy['mode']}. Who will have access, in addition to the hub's administrators:"
    yield from (f"- {row}" for row in policy["table"] + policy["sharing_table"] + opened["table"])
    told = kubernetes.warnings(wanted, policy["collaboration"]["email_domain"])
    yield from (f"WARNING: {sentence}" for sentence in policy["warnings"] + opened["warnings"] + told)


def _next_steps(wanted: dict[str, Any], images: dict[str, str]) -> Iterator[str]:
    place = wanted["directory"]
    yield "Next, build and push the images (or use docker):"
    for name, image in images.items():
        yield f"- podman build --tag {image} {place}/{name}"
        yield f"- podman push {image}"
    yield "Then upgrade your release, with your own values first:"
    yield (
        f"- helm upgrade RELEASE jupyterhub/jupyterhub --namespace NAMESPACE --version {wanted['chart_version']} --values YOURS.yaml "
        f"--values {place}/values.yaml"
    )
