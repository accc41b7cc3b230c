# SPDX-License-Identifier: GPL-3.0-or-later
"""Hubs as the chart Zero to JupyterHub runs them, with the values that playbook kubernetes writes.

What the chart does is rebuilt here from facts about its release 4.4.0: its hub reads the values from a file, sets up KubeSpawner, services
and roles, passes on `hub.config`, and then runs the entries of `hub.extraConfig` in the order of their names.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import HubPackage
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files

from scenario import ROOT

SCHEMA = Path(__file__).parent / "values.schema.json"
# Where the images have the package.
PACKAGE = HubPackage(package_files()).path
# The chart's own values for the keys that its hub's configuration reads below.
DEFAULTS: dict[str, Any] = {
    "hub": {"baseUrl": "/", "config": {}, "extraConfig": {}},
    "singleuser": {
        "image": {"name": "registry.example.org/jupyterhub/k8s-singleuser-sample", "tag": "4.4.0"},
        "uid": 1000,
        "fsGid": 100,
        "extraLabels": {"hub.jupyter.org/network-access-hub": "true"},
        "extraEnv": {},
        "memory": {"limit": None, "guarantee": "1G"},
        "cmd": "jupyterhub-singleuser",
        "startTimeout": 300,
        "storage": {"homeMountPath": "/home/jovyan", "extraVolumes": None, "extraVolumeMounts": None},
    },
    "cull": {"enabled": True, "timeout": 3600},
}
# What an administrator adds. Everyone gets in with any password.
THEIRS: dict[str, Any] = {
    "hub": {"config": {"Authenticator": {"allow_all": True}, "JupyterHub": {"authenticator_class": "dummy"}}},
}
CONFIGURATION = """
import os

import yaml

os.environ |= {{"CONFIGPROXY_AUTH_TOKEN": "tests", "KUBECONFIG": {cluster!r}}}  # the pod's
values = yaml.safe_load(open({values!r}))
hub, server = values["hub"], values["singleuser"]
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.cleanup_servers = False
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.JupyterHub.base_url = hub["baseUrl"]
c.JupyterHub.hub_bind_url = "http://:8081"
c.JupyterHub.hub_connect_url = "http://hub:8081"
c.KubeSpawner.namespace = "default"
c.KubeSpawner.image = server["image"]["name"] + ":" + server["image"]["tag"]
c.KubeSpawner.uid = server["uid"]
c.KubeSpawner.fs_gid = server["fsGid"]
c.KubeSpawner.extra_labels = server["extraLabels"]
c.KubeSpawner.environment = server["extraEnv"]
c.KubeSpawner.start_timeout = server["startTimeout"]
c.KubeSpawner.mem_guarantee = server["memory"]["guarantee"]
c.KubeSpawner.storage_pvc_ensure = True
home = "volume-{{user_server}}"
c.KubeSpawner.volumes = {{
    home: {{"name": home, "persistentVolumeClaim": {{"claimName": "{{pvc_name}}"}}}},
    **(server["storage"]["extraVolumes"] or {{}}),
}}
c.KubeSpawner.volume_mounts = {{
    home: {{"name": home, "mountPath": server["storage"]["homeMountPath"]}},
    **(server["storage"]["extraVolumeMounts"] or {{}}),
}}
c.JupyterHub.services = [
    {{
        "name": "jupyterhub-idle-culler",
        "command": ["python3", "-m", "jupyterhub_idle_culler", f"--timeout={{values['cull']['timeout']}}"],
    }}
]
c.JupyterHub.load_roles = [
    {{
        "name": "jupyterhub-idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["jupyterhub-idle-culler"],
    }}
]
c.Spawner.cmd = server["cmd"]
for section, settings in hub["config"].items():
    c[section].update(settings)
for _name, text in sorted(hub["extraConfig"].items()):
    exec(text)
"""
# KubeSpawner wants to know a cluster, and asks it nothing before a server starts.
CLUSTER = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "current-context": "none",
}


def play(
    directory: Path, hubs: Mapping[str, Mapping[str, Any]], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run playbook kubernetes for hubs with these variables. Each hub's files are in the directory of its name."""
    inventory = {
        "all": {"hosts": {name: {**_defaults(directory, name), **told} for name, told in hubs.items()}}
    }
    (directory / "hubs.yml").write_text(yaml.safe_dump(inventory))
    command = ["ansible-playbook", "-i", "hubs.yml", "collab.jupyterhub.kubernetes", *options]
    return subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def _defaults(directory: Path, name: str) -> dict[str, str]:
    return {
        "jupyterhub_kubernetes_directory": str(directory / name),
        "jupyterhub_kubernetes_registry": "registry.example.org/team",
        "jupyterhub_kubernetes_hub_base": "registry.example.org/jupyterhub/k8s-hub:4.4.0",
        "jupyterhub_kubernetes_singleuser_base": "registry.example.org/jupyterhub/k8s-singleuser-sample:4.4.0",
    }


def values_in(directory: Path) -> dict[str, Any]:
    """Return the values in a directory that the playbook has written."""
    values: dict[str, Any] = yaml.safe_load((directory / "values.yaml").read_text())
    return values


def merged(*all_values: Mapping[str, Any]) -> dict[str, Any]:
    """Merge values as helm does: maps by key, and anything else as a whole. The last one wins."""
    result: dict[str, Any] = {}
    for values in all_values:
        for name, value in values.items():
            both = isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
            result[name] = merged(result[name], value) if both else value
    return result


def configuration(directory: Path, ours: Mapping[str, Any], theirs: Mapping[str, Any] | None = None) -> Path:
    """Write the configuration of a hub with these values and an administrator's, with the package of this checkout. Return its path."""
    directory.mkdir(exist_ok=True)
    values = merged(DEFAULTS, THEIRS, theirs or {}, ours)
    values["hub"]["extraConfig"] = {
        name: text.replace(PACKAGE, str(ROOT / "python"))
        for name, text in values["hub"]["extraConfig"].items()
    }
    text = yaml.safe_dump(values)
    (directory / "values.yaml").write_text(text)
    (directory / "kubeconfig").write_text(yaml.safe_dump(CLUSTER))
    main = directory / "jupyterhub_config.py"
    main.write_text(
        CONFIGURATION.format(values=str(directory / "values.yaml"), cluster=str(directory / "kubeconfig"))
    )
    return main
