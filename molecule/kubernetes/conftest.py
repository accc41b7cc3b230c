# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub runs in a container of the image that its recipe builds, with the configuration that the chart would give it."""

import subprocess
from pathlib import Path

import pytest
from testinfra.host import Host

import plain_http
from chart import PACKAGE, configuration, values_in
from scenario import ROOT, Platform, wait_until

HERE = Path(__file__).parent
# Where the hub's container has its configuration and database.
PLACE = "/srv/cluster"
# What the chart's parts are called in a cluster, and what an administrator adds.
THEIRS = {
    "hub": {
        "config": {"Authenticator": {"admin_users": ["carol"]}},
        "extraConfig": {
            "podman": f"""
import sys
sys.path.insert(0, {PLACE!r})
c.JupyterHub.spawner_class = "podman_spawner.PodmanSpawner"
c.JupyterHub.db_url = "sqlite:///{PLACE}/hub.sqlite"
c.Spawner.http_timeout = 120
""",
        },
    },
    "singleuser": {"memory": {"limit": None, "guarantee": None}},
}
PROXY = (
    "systemctl stop cluster-proxy 2>/dev/null; systemd-run --quiet --collect --unit=cluster-proxy --setenv=CONFIGPROXY_AUTH_TOKEN=tests "
    "$(ls -d /usr/local/lib/jupyterhub-proxy/bin/node) /usr/local/lib/jupyterhub-proxy/*/node_modules/.bin/configurable-http-proxy "
    "--ip=0.0.0.0 --port=8000 --api-ip=0.0.0.0 --api-port=8001 --error-target=http://hub:8081/hub/error"
)


def written() -> Path:
    """Return the directory in which the playbook has written values and recipes."""
    (found,) = (ROOT / ".cache/ansible/tmp").glob("molecule.*.kubernetes/cluster")
    return found


@pytest.fixture(scope="session")
def images(host: Host, platform: Platform) -> dict[str, str]:
    """Build the two images from their recipes, and return their names."""
    values = values_in(written())
    places = {"hub": values["hub"]["image"], "singleuser": values["singleuser"]["image"]}
    names = {place: f"{image['name']}:{image['tag']}" for place, image in places.items()}
    host.check_output("rm -rf %s && mkdir %s", PLACE, PLACE)
    for place, name in names.items():
        copy(written() / place, f"{PLACE}/{place}", platform)
        host.check_output("build-image %s %s", name, f"{PLACE}/{place}")
    return names


@pytest.fixture(scope="session")
def cluster(
    host: Host, platform: Platform, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Start the proxy and the hub, and return the name of the hub's image."""
    directory = tmp_path_factory.mktemp("cluster")
    configuration(directory, values_in(written()), THEIRS)
    for file in directory.iterdir():
        # The package is where the image has it, and the files where the container has them.
        text = file.read_text().replace(str(ROOT / "python"), PACKAGE).replace(str(directory), PLACE)
        file.write_text(text)
        copy(file, PLACE, platform)
    copy(HERE / "hub/podman_spawner.py", PLACE, platform)
    host.check_output("chown -R 1000 %s && chmod 666 /run/podman/podman.sock && chmod 755 /run/podman", PLACE)
    host.check_output("podman rm --force --ignore hub")
    start = (
        "podman run --detach --name=hub --network=cluster --ip=10.98.0.10 --add-host=proxy-api:$(hostname -i) --workdir=%s --env=HOME=%s "
        "--volume=%s:%s --volume=/run/podman:/run/podman %s jupyterhub --config=%s/jupyterhub_config.py"
    )
    host.check_output(start, PLACE, PLACE, PLACE, PLACE, images["hub"], PLACE)
    host.check_output("grep -q 10.98.0.10 /etc/hosts || echo 10.98.0.10 hub >>/etc/hosts")
    host.check_output(PROXY)
    wait_until(lambda: plain_http.answers(f"http://{platform.address}:8000/hub/api"))
    return images["hub"]


@pytest.fixture(scope="session")
def hub_url(platform: Platform, cluster: str) -> str:
    assert cluster
    return f"http://{platform.address}:8000"


def copy(source: Path, target: str, platform: Platform) -> None:
    subprocess.run(["podman", "cp", str(source), f"{platform.name}:{target}"], check=True)
