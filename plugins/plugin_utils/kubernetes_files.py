# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the values file for the chart Zero to JupyterHub, and the recipes of the images that it names."""

from __future__ import annotations

import base64
import inspect
from typing import Any

import yaml
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import HubPackage

from . import hub_environment, image_recipe
from .package import package_files
from .policy.kubernetes import PAGE_PORT
from .policy.sharing import OLDEST_HUB_TO_SHARE

# The chart runs entries of hub.extraConfig in the order of their names. Ours come last, because they merge with what the others have set.
FIRST = "zz-collab-"
HUB, SERVER = "jupyterhub-collab-hub", "jupyterhub-collab-singleuser"
HISTORY = "collab-history"
MANAGED = "Managed by Ansible (playbook collab.jupyterhub.kubernetes). Changes made here are lost: change the variables and run the playbook again."
# Fragment that tells the package that this hub runs in a pod. The others are those that a host gets.
POD = """\
# This hub runs in a pod. {managed}
import sys

sys.path.insert(0, "{package}")
from jupyterhub_collab.hub.kubernetes import in_a_pod  # noqa: E402

in_a_pod(c)  # noqa: F821
"""


def files(
    settings: dict[str, Any],
    policy: dict[str, Any],
    fragments: dict[str, str],
    lab: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Return the `files` to write (path -> content in base64), and the names of the `images` (`hub`, `singleuser`).

    settings: those of Kubernetes (see `policy.settings`). policy: that of role jupyterhub_rtc. fragments: the hub's configuration, as a
    host gets it (name -> text, empty for none). lab: the options of step lab_settings, by the name of the files.
    """
    package = HubPackage(package_files()).path
    images = {}
    written: dict[str, bytes] = {}
    for place, title, image, program in (
        (
            "hub",
            "The image of the hub.",
            HUB,
            f"{inspect.getsource(hub_environment)}\n\nmain({OLDEST_HUB_TO_SHARE!r})\n",
        ),
        (
            "singleuser",
            "The image of users' servers. Use it as a pattern for other images that users can choose.",
            SERVER,
            image_recipe.server_program(lab),
        ),
    ):
        parts = image_recipe.recipe(title, MANAGED, settings[f"{place}_base"], program)
        written |= {f"{place}/{path}": part for path, part in parts.items()}
        images[place] = f"{settings['registry']}/{image}:{image_recipe.tag(parts)}"
    text = _values(
        values(settings, policy, {name: text for name, text in fragments.items() if text}, images, package)
    )
    written["values.yaml"] = text.encode()
    return {
        "files": {path: base64.b64encode(part).decode() for path, part in written.items()},
        "images": images,
    }


def values(
    settings: dict[str, Any],
    policy: dict[str, Any],
    fragments: dict[str, str],
    images: dict[str, str],
    package: str,
) -> dict[str, Any]:
    """Return the values for the chart. Each key is in the chart's schema."""
    texts = {"40-kubernetes": POD.format(managed=MANAGED, package=package), **fragments}
    hub: dict[str, Any] = {
        "image": _image(images["hub"]),
        "config": {"KubeSpawner": {"delete_grace_period": settings["stop_seconds"]}},
        "extraConfig": {f"{FIRST}{name}": text.replace("@PACKAGE@", package) for name, text in texts.items()},
    }
    if settings["base_url"] != "/":
        hub["baseUrl"] = settings["base_url"]
    server: dict[str, Any] = {"image": _image(images["singleuser"])}
    if claim := settings["history_claim"]:
        server["storage"] = _history(claim, policy["collaboration"]["state_directory"])
    if not policy["sharing"]:
        return {"hub": hub, "singleuser": server}
    port = settings["sharing_port"] or PAGE_PORT
    hub["service"] = {"extraPorts": [{"name": "sharing", "port": port, "targetPort": port}]}
    hub["networkPolicy"] = {"ingress": [{"from": [_pod("proxy")], "ports": [{"port": port}]}]}
    proxy = {"chp": {"networkPolicy": {"egress": [{"to": [_pod("hub")], "ports": [{"port": port}]}]}}}
    return {"hub": hub, "proxy": proxy, "singleuser": server}


def _image(name: str) -> dict[str, str]:
    repository, _colon, tag = name.rpartition(":")
    return {"name": repository, "tag": tag}


def _pod(component: str) -> dict[str, Any]:
    """Return a selector of the pods of one component of the chart, which also allow what only the chart's pods do."""
    labels = {
        "proxy": {"hub.jupyter.org/network-access-hub": "true"},
        "hub": {"hub.jupyter.org/network-access-proxy-api": "true"},
    }
    return {"podSelector": {"matchLabels": {"app.kubernetes.io/component": component, **labels[component]}}}


def _history(claim: str, path: str) -> dict[str, Any]:
    """Return a volume for the document histories, of which each server sees its own directory."""
    return {
        "extraVolumes": {HISTORY: {"name": HISTORY, "persistentVolumeClaim": {"claimName": claim}}},
        "extraVolumeMounts": {HISTORY: {"name": HISTORY, "mountPath": path, "subPath": "{user_server}"}},
    }


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, so that administrators can read it."""


def _text(dumper: _Dumper, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _values(tree: dict[str, Any]) -> str:
    body = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return f"# Live collaboration, for the chart Zero to JupyterHub. {MANAGED}\n{body}"
