# SPDX-License-Identifier: GPL-3.0-or-later
"""The values for the chart, as the playbook writes them, in a real hub and in KubeSpawner's pods."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.fragments import fragments
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects, rtc
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve
from jupyterhub import __version__ as hub_version

from chart import PACKAGE, SCHEMA, configuration, play, values_in
from chart.pods import environment, pods
from configurations.in_memory import record, warm_up
from found_host import HOST
from jupyterhub_collab.hub.sharing import PORT
from scenario import ROOT
from tiers import some_long

PROJECTS = [
    {
        "name": "rainfall",
        "manage": {"users": ["alice"]},
        "edit": {"users": ["bob"], "groups": ["hydrology"]},
        "mem_limit": "3G",
    },
    {"name": "soil", "edit": {"users": ["dave"]}},
]
ACCESS = [{"owner": "carol", "users": ["bob"], "level": "manage"}]
# The same variables for a host and for Kubernetes.
VARIABLES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "projects": {"jupyterhub_projects": PROJECTS, "jupyterhub_server_access": ACCESS},
    "everyone": {"jupyterhub_rtc_share_all_users": True},
    "viewers": {
        "jupyterhub_rtc_level": "view",
        "jupyterhub_server_access": [{"owner": "shared", "users": ["bob"], "level": "manage"}],
    },
    "all-viewers": {
        "jupyterhub_rtc_level": "view",
        "jupyterhub_rtc_share_all_users": True,
        "jupyterhub_server_access": [{"owner": "*", "users": ["bob"]}],
    },
    "groups": {"jupyterhub_sharing_groups": ["teachers"], "jupyterhub_sharing_by_name": False},
    "alone": {"jupyterhub_rtc_user_sharing": False, "jupyterhub_rtc_user": "team"},
}
# What only concerns Kubernetes.
CLUSTERS: dict[str, dict[str, Any]] = {
    "claim": {
        "jupyterhub_kubernetes_history_claim": "histories",
        "jupyterhub_kubernetes_base_url": "/jupyter/",
        "jupyterhub_kubernetes_stop_seconds": 45,
        "jupyterhub_rtc_state_directory": "/srv/collab/histories",
        "jupyterhub_rtc_mem_limit": "2G",
        "jupyterhub_sharing_groups": ["teachers"],
        "jupyterhub_sharing_port": 9000,
    },
}


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    warm_up()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the files for each hub, by its name."""
    place = tmp_path_factory.mktemp("written")
    done = play(place, VARIABLES | CLUSTERS)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def fragments_of_a_host(variables: dict[str, Any]) -> dict[str, str]:
    """Return the fragments that a play writes to a host with these variables."""
    user = variables.get("jupyterhub_rtc_user", "shared")
    host = HOST | {"hub": {"version": hub_version}, "account": {"name": user, "exists": False}}
    settings = resolve(variables, "hub")
    # Workspaces are for hosts only, and have tests of their own.
    opened = projects.policy(settings.projects, host, {}) | {"workspaces": []}
    texts = fragments(settings, rtc.policy(settings.rtc, host), opened)
    return {name: text for name, text in texts.items() if text}


@pytest.mark.parametrize("name", some_long(VARIABLES.keys(), short=("projects", "viewers")))
def test_policy_is_that_of_a_host(written: Path, tmp_path: Path, name: str) -> None:
    """Roles, scopes, users and services of the two hubs are the same, row by row. Requirement 110."""
    on_host = fragments_of_a_host(VARIABLES[name])
    main = configuration(tmp_path / "pod", values_in(written / name))
    on_kubernetes = record(main)
    host = configuration(tmp_path / "host", {})
    host.write_text(
        host.read_text()
        + "".join(text.replace("@PACKAGE@", str(ROOT / "python")) for text in on_host.values())
    )
    on_a_host = record(host)

    def rows(held: dict[str, list[Any]]) -> dict[str, list[Any]]:
        # The page's address is another one.
        return held | {"services": [[each, admin, bool(url)] for each, admin, url in held["services"]]}

    assert rows(on_kubernetes.held) == rows(on_a_host.held)
    assert on_kubernetes.scopes == on_a_host.scopes
    assert on_kubernetes.named == on_a_host.named
    services = {each: url for each, _admin, url in on_kubernetes.held["services"]}
    assert services.get("sharing", "http://hub:8905") == "http://hub:8905"
    assert ("sharing" in services) == ("60-sharing" in on_host)


@pytest.mark.parametrize("name", VARIABLES)
def test_hub_gets_the_text_that_a_host_gets(written: Path, name: str) -> None:
    told = values_in(written / name)["hub"]["extraConfig"]
    on_a_host = {
        f"zz-collab-{each}": text.replace("@PACKAGE@", PACKAGE)
        for each, text in fragments_of_a_host(VARIABLES[name]).items()
    }
    assert {each: text for each, text in told.items() if each in on_a_host} == on_a_host
    assert {*told} - {*on_a_host} == {"zz-collab-40-kubernetes"}


@pytest.mark.parametrize("name", [*VARIABLES, *CLUSTERS])
def test_chart_accepts_the_values(written: Path, name: str) -> None:
    """The chart's schema has every key, with that type. Requirement 111."""
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(values_in(written / name))


def test_schema_refuses_what_the_chart_does_not_know(written: Path) -> None:
    values = values_in(written / "claim")
    values["hub"]["extraConfigs"] = {}
    with pytest.raises(jsonschema.ValidationError, match="extraConfigs"):
        jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(values)


def test_ours_comes_last(written: Path, tmp_path: Path) -> None:
    """An administrator's entry of hub.extraConfig that replaces a setting does not remove ours."""
    theirs = {
        "hub": {
            "extraConfig": {
                "roles.py": "c.JupyterHub.load_roles = [{'name': 'lab', 'users': ['alice'], 'scopes': ['list:users']}]",
                "zulu": "c.JupyterHub.services = []",
            }
        }
    }
    held = record(configuration(tmp_path / "hub", values_in(written / "defaults"), theirs)).held
    assert ["collab-accounts", "shared"] in held["users of roles"]
    assert ["lab", "alice"] in held["users of roles"]
    assert "sharing" in [row[0] for row in held["services"]]


def test_pod_of_a_collaboration_server(written: Path, tmp_path: Path) -> None:
    """KubeSpawner's pods have the settings of collaboration servers, the limits, and time to stop. Requirement 112."""
    theirs = {"singleuser": {"extraEnv": {"WHO": "{username}", "JUPYTER_CONFIG_PATH": "/etc/{username}"}}}
    main = configuration(tmp_path / "hub", values_in(written / "projects"), theirs)
    made = pods(main, "alice", "shared", "project-rainfall")
    for pod in made.values():
        (server,) = pod["spec"]["containers"]
        assert server["args"] == ["jupyterhub-singleuser", "--HubOAuth.cache_max_age=5"]
        assert server["image"].startswith("registry.example.org/team/jupyterhub-collab-singleuser:1.")
        assert pod["grace"] == 30
        told = json.loads(environment(pod)["JUPYTERHUB_COLLAB"])
        # The home directory, which is on a volume
        assert told["state_directory"] == ""
        # The chart's culler
        assert told["idle_seconds"] == 3600
    assert json.loads(environment(made["shared"])["JUPYTERHUB_COLLAB"])["managers"] == {"everyone": True}
    managers = json.loads(environment(made["project-rainfall"])["JUPYTERHUB_COLLAB"])["managers"]
    assert managers == {"users": ["alice"], "groups": []}
    (server,) = made["project-rainfall"]["spec"]["containers"]
    assert server["resources"]["limits"] == {"memory": 3 * 1024**3}
    # KubeSpawner fills in what administrators write, and leaves our JSON alone.
    assert environment(made["alice"])["WHO"] == "alice"
    path = environment(made["alice"])["JUPYTER_CONFIG_PATH"]
    assert path == f"{ROOT}/python/jupyterhub_collab/server/config:/etc/alice"


def test_other_pods_are_as_before(written: Path, tmp_path: Path) -> None:
    made = pods(configuration(tmp_path / "hub", values_in(written / "groups")), "alice", "shared")
    assert "JUPYTERHUB_COLLAB" not in environment(made["alice"])
    assert "JUPYTER_CONFIG_PATH" not in environment(made["alice"])
    assert "JUPYTERHUB_COLLAB" in environment(made["shared"])


def test_pod_has_its_own_directory_for_the_history(written: Path, tmp_path: Path) -> None:
    """With a claim, each server has its own directory of that volume, and keeps its history there. Requirement 112."""
    made = pods(configuration(tmp_path / "hub", values_in(written / "claim")), "shared", "shared/second")
    for owner, path in (("shared", "shared"), ("shared/second", "shared--second")):
        pod = made[owner]
        assert {"name": "collab-history", "persistentVolumeClaim": {"claimName": "histories"}} in pod["spec"][
            "volumes"
        ]
        (server,) = pod["spec"]["containers"]
        mount = {"name": "collab-history", "mountPath": "/srv/collab/histories", "subPath": path}
        assert mount in server["volumeMounts"]
        assert json.loads(environment(pod)["JUPYTERHUB_COLLAB"])["state_directory"] == "/srv/collab/histories"
        assert server["resources"]["limits"] == {"memory": 2 * 1024**3}
        assert pod["grace"] == 45


def test_page_is_for_the_proxy_only(written: Path) -> None:
    """The proxy may open connections to the page, and no other pod. Requirement 114."""
    values = values_in(written / "claim")
    assert values["hub"]["service"]["extraPorts"] == [{"name": "sharing", "port": 9000, "targetPort": 9000}]
    (rule,) = values["hub"]["networkPolicy"]["ingress"]
    (source,) = rule["from"]
    assert rule["ports"] == [{"port": 9000}]
    assert source["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "proxy"
    (rule,) = values["proxy"]["chp"]["networkPolicy"]["egress"]
    (target,) = rule["to"]
    assert rule["ports"] == [{"port": 9000}]
    assert target["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "hub"


def test_port_of_the_page_is_the_one_that_it_has_by_default(written: Path) -> None:
    values = values_in(written / "defaults")
    assert values["hub"]["service"]["extraPorts"] == [{"name": "sharing", "port": PORT, "targetPort": PORT}]


def test_without_the_page_no_port_is_open(written: Path) -> None:
    for name in ("everyone", "alone"):
        values = values_in(written / name)
        assert "proxy" not in values
        assert not {"service", "networkPolicy"} & {*values["hub"]}


def test_second_run_changes_nothing(written: Path, tmp_path: Path) -> None:
    """Files stay as they are, and a run in check mode writes none. Requirement 111."""
    for name in ("defaults", "claim"):
        shutil.copytree(written / name, tmp_path / name)
    before = _files(tmp_path)
    done = play(tmp_path, {"defaults": {}, "claim": CLUSTERS["claim"]})
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout and "changed=1" not in done.stdout
    done = play(tmp_path, {"defaults": VARIABLES["projects"], "new": {}}, "--check", "--diff")
    assert done.returncode == 0, done.stdout
    assert "+    zz-collab-70-projects: |" in done.stdout
    assert "Would write to" in done.stdout
    after = {path: text for path, text in _files(tmp_path).items() if path.name != "hubs.yml"}
    assert after == before


def _files(place: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_another_recipe_has_another_tag(tmp_path: Path, written: Path) -> None:
    """A cluster never runs an image of an older recipe under the name of the new one."""
    base = {"jupyterhub_kubernetes_singleuser_base": "registry.example.org/jupyter/scipy-notebook:2026-11-02"}
    assert play(tmp_path, {"other": base}).returncode == 0
    mine, other = values_in(written / "defaults"), values_in(tmp_path / "other")
    assert mine["singleuser"]["image"]["tag"] != other["singleuser"]["image"]["tag"]
    assert mine["hub"] == other["hub"]


def test_report_says_what_to_do_next(tmp_path: Path) -> None:
    done = play(tmp_path, {"hub": {}})
    image = values_in(tmp_path / "hub")["hub"]["image"]
    assert f"podman build --tag {image['name']}:{image['tag']} {tmp_path}/hub/hub" in done.stdout
    assert f"--version 4.4.0 --values YOURS.yaml --values {tmp_path}/hub/values.yaml" in done.stdout
    assert "Users can start, open and stop the `shared` server" in done.stdout
    assert "WARNING: Git commits on collaboration servers would carry addresses" in done.stdout


def test_text_is_readable(written: Path) -> None:
    """Fragments are in the file as lines, so that an administrator can review them."""
    text = (written / "projects/values.yaml").read_text()
    assert "\n      share_servers(\n          c,  # noqa: F821\n" in text
    assert yaml.safe_load(text)["hub"]["extraConfig"]["zz-collab-60-sharing"].startswith("# How users share")


def test_menu_leads_to_the_page_under_the_path_of_the_hub(written: Path) -> None:
    for name, page in (("claim", "/jupyter/services/sharing/"), ("defaults", "/services/sharing/")):
        program = (written / name / "singleuser/prepare.py").read_text()
        assert f'"url": "{page}"' in program
        assert "@BASE_URL@" not in program
