# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes of administrators: each stops the play before anything changes, and one sentence says what to do."""

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import plan
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve
from testinfra.host import Host

from modules import call
from scenario import Platform, changed_files, play

# What is set -> what the play says. One example of each kind.
VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "missing venv": (
        {"jupyter_rtc_venv": "/opt/nowhere"},
        "/opt/nowhere is not a Python environment. Set jupyterhub_rtc_venv (this hub starts its servers from /usr/local/jupyterhub)",
    ),
    "service that is not a hub": (
        {"jupyterhub_rtc_service": "dbus"},
        "The unit dbus does not run JupyterHub",
    ),
    "personal account": ({"jupyterhub_rtc_user": "alice"}, "The account alice belongs to a person"),
    "both modes": (
        {"jupyter_rtc_share_all_users": True, "jupyterhub_rtc_share_all_users": False},
        "jupyter_rtc_share_all_users and jupyterhub_rtc_share_all_users contradict each other",
    ),
    "malformed switch": (
        {"jupyter_rtc_share_all_users": "perhaps"},
        "argument 'jupyterhub_rtc_share_all_users' is of type str and we were unable to convert to bool: "
        "The value 'perhaps' is not a valid boolean",
    ),
    "unknown option of a project": (
        {"jupyterhub_projects": [{"name": "rain", "memory": "4G"}]},
        "jupyterhub_projects, entry 1 ('rain') has an unknown option 'memory'. The options are account, cpu_limit",
    ),
    "unknown access level": (
        {"jupyterhub_server_access": [{"owner": "alice", "users": ["bob"], "level": "own"}]},
        "jupyterhub_server_access, entry 1 ('alice'): level is 'own'. Set it to view, edit, manage",
    ),
}
# What is set -> what the play finds and says, with everything else as on this host.
ON_THIS_HOST: dict[str, tuple[dict[str, Any], str]] = {
    "venv without JupyterLab": (
        {"jupyter_rtc_venv": "system"},
        "JupyterLab is not installed in the system's Python. Set jupyterhub_rtc_venv (this hub starts its servers from /usr/local/jupyterhub)",
    ),
    "venv that is not a path": (
        {"jupyter_rtc_venv": "jupyterhub"},
        "jupyterhub_rtc_venv is 'jupyterhub'. Set it to the path",
    ),
    "missing configuration": (
        {"jupyter_rtc_config_path": "/etc/nowhere.py"},
        "The file /etc/nowhere.py does not exist. Set jupyterhub_rtc_config_path (jupyterhub runs the hub with "
        "/usr/local/etc/jupyter/jupyterhub_config.py)",
    ),
    "configuration of another program": (
        {"jupyter_rtc_config_path": "/etc/profile"},
        "jupyterhub_rtc_config_path is /etc/profile, but the unit jupyterhub runs the hub with /usr/local/etc/jupyter/jupyterhub_config.py",
    ),
    "missing service": (
        {"jupyterhub_rtc_service": "jupiter"},
        "The systemd unit jupiter does not exist. Set jupyterhub_rtc_service",
    ),
    "system account": (
        {"jupyterhub_rtc_user": "www-data"},
        "The account www-data belongs to the system",
    ),
    "account with another purpose": (
        {"jupyterhub_rtc_user": "backup-robot"},
        "The account backup-robot already exists for another purpose",
    ),
    "invalid name": (
        {"jupyterhub_rtc_user": "The Team"},
        "jupyterhub_rtc_user is 'The Team', which is not a valid name",
    ),
    "malformed address": (
        {"jupyterhub_rtc_public_url": "hub.example.org"},
        "jupyterhub_rtc_public_url is 'hub.example.org'",
    ),
    "port that does not exist": (
        {"jupyterhub_sharing_port": 65536},
        "jupyterhub_sharing_port is 65536. Set it to a number",
    ),
}


@pytest.fixture
def unchanged(host: Host, platform: Platform) -> Iterator[None]:
    """Check that the test leaves the host's files and the hub's process unchanged."""
    before = host.check_output("systemctl show jupyterhub --property=InvocationID")
    yield
    assert changed_files(host, platform) == set()
    assert host.check_output("systemctl show jupyterhub --property=InvocationID") == before


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("variables", "sentence"), VARIABLES.values(), ids=VARIABLES.keys())
def test_mistake_is_named_and_nothing_changes(
    variables: dict[str, Any], sentence: str, platform: Platform
) -> None:
    """Requirements 15 and 46: the message names the mistake, and nothing changes."""
    stopped = play("jupyter_rtc", platform.name, **variables)
    assert stopped.code != 0
    assert sentence in stopped.message
    assert stopped.changed == 0


def problems(platform: Platform, **given: Any) -> list[str]:
    """Return what would stop the play: problems of the variables, or else of what its module finds on the host."""
    settings = resolve(given)
    found = call("hub_info", platform.name, **plan.hub_question(settings))
    assert found.code == 0, found.told
    return plan.setting_problems(settings) or plan.host_problems(settings, found.told)


def test_this_host_is_fit_for_it(platform: Platform) -> None:
    assert problems(platform) == []


@pytest.mark.parametrize(("variables", "sentence"), ON_THIS_HOST.values(), ids=ON_THIS_HOST.keys())
def test_mistake_is_found_on_this_host(variables: dict[str, Any], sentence: str, platform: Platform) -> None:
    """The play's checks find the mistake. The runs above show for each kind that the play then stops."""
    (problem,) = problems(platform, **variables)
    assert sentence in problem


@pytest.mark.usefixtures("unchanged")
def test_no_network_names_the_package(platform: Platform) -> None:
    """The message names the package that could not be downloaded, and the hub is unchanged."""
    nowhere = "http://127.0.0.1:9/simple"
    environment = {
        "PIP_INDEX_URL": nowhere,
        "UV_DEFAULT_INDEX": nowhere,
        "UV_CACHE_DIR": "/tmp/no-cache",
        "PIP_NO_CACHE_DIR": "1",
    }
    stopped = play("jupyter_rtc", platform.name, jupyterhub_rtc_environment=environment)
    assert stopped.code != 0
    assert (
        "Failed to install jupyter-collaboration in /usr/local/jupyterhub: the package index is unreachable"
        in stopped.message
    )


@pytest.mark.parametrize(
    ("package", "version", "sentence"),
    [
        (
            "jupyterlab",
            "4.3.9",
            "JupyterLab 4.3.9 in /usr/local/jupyterhub is too old for live collaboration",
        ),
        ("jupyterhub", "4.1.6", "JupyterHub 4.1.6 is too old"),
    ],
)
def test_too_old_is_refused(
    package: str, version: str, sentence: str, host: Host, platform: Platform
) -> None:
    """Requirement 46: a version that is too old is refused. The test changes the version in the package's metadata."""
    metadata = (
        host.check_output(
            f"ls -d /usr/local/jupyterhub/lib/python3*/site-packages/{package}-[0-9]*.dist-info"
        )
        + "/METADATA"
    )
    host.check_output(
        f"cp -p {metadata} /root/METADATA && sed -i 's/^Version: .*/Version: {version}/' {metadata}"
    )
    try:
        (problem,) = problems(platform)
        assert sentence in problem
    finally:
        host.check_output(f"cp -p /root/METADATA {metadata}")


@pytest.mark.usefixtures("unchanged")
def test_broken_configuration_is_named_and_left_alone(host: Host, platform: Platform) -> None:
    """Requirement B2: if the hub could not start again as it is, nothing is installed or restarted."""
    path = "/usr/local/etc/jupyter/jupyterhub_config.py"
    host.check_output(f"cp -p {path} /root/config && printf 'c.JupyterHub.port = = 1\\n' >>{path}")
    try:
        stopped = play("jupyter_rtc", platform.name)
        assert stopped.code != 0
        assert f"The hub's configuration {path} failed to load: SyntaxError" in stopped.message
        assert stopped.changed == 0
    finally:
        host.check_output(f"cp -p /root/config {path}")


@pytest.mark.usefixtures("unchanged")
def test_check_mode_tells_and_does_nothing(platform: Platform) -> None:
    """On a hub without collaboration, check mode reports what would change, and changes nothing."""
    dry = play("jupyter_rtc", platform.name, "--check", "--diff")
    assert dry.code == 0, dry.output
    assert "Would change:" in dry.said
    assert '+ "servers!server=shared/",' in dry.said
