# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes of administrators: each stops the play before anything has changed, and says what to do in one sentence."""

from collections.abc import Iterator
from typing import Any

import pytest
from testinfra.host import Host

from scenario import Platform, changed_files, play

# What is set -> what the play says.
VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "venv that is not there": (
        {"jupyter_rtc_venv": "/opt/nowhere"},
        "there is no Python environment at /opt/nowhere: set jupyter_rtc_venv (this hub starts its servers from /usr/local/jupyterhub)",
    ),
    "venv without JupyterLab": (
        {"jupyter_rtc_venv": "system"},
        "there is no JupyterLab in the system's Python: set jupyter_rtc_venv (this hub starts its servers from /usr/local/jupyterhub)",
    ),
    "venv that is no path": (
        {"jupyter_rtc_venv": "jupyterhub"},
        "jupyter_rtc_venv is 'jupyterhub': set it to the path",
    ),
    "configuration that is not there": (
        {"jupyter_rtc_config_path": "/etc/nowhere.py"},
        "there is no file /etc/nowhere.py: set jupyter_rtc_config_path (jupyterhub runs with /usr/local/etc/jupyter/jupyterhub_config.py)",
    ),
    "configuration of something else": (
        {"jupyter_rtc_config_path": "/etc/profile"},
        "jupyter_rtc_config_path is /etc/profile, but the unit jupyterhub runs the hub with /usr/local/etc/jupyter/jupyterhub_config.py",
    ),
    "service that is not there": (
        {"jupyterhub_rtc_service": "jupiter"},
        "there is no systemd unit jupiter: set jupyterhub_rtc_service",
    ),
    "service that is no hub": (
        {"jupyterhub_rtc_service": "dbus"},
        "JupyterHub was not found behind the unit dbus",
    ),
    "account of the system": (
        {"jupyterhub_rtc_user": "www-data"},
        "the account www-data belongs to the system",
    ),
    "account of a person": ({"jupyterhub_rtc_user": "alice"}, "the account alice is somebody's"),
    "account of another purpose": (
        {"jupyterhub_rtc_user": "backup-robot"},
        "the account backup-robot exists already for another purpose",
    ),
    "name that is none": (
        {"jupyterhub_rtc_user": "The Team"},
        "jupyterhub_rtc_user is 'The Team', which is no name",
    ),
    "both modes": (
        {"jupyter_rtc_share_all_users": True, "jupyterhub_rtc_share_all_users": False},
        "jupyter_rtc_share_all_users and jupyterhub_rtc_share_all_users ask for both modes at once",
    ),
    "malformed switch": ({"jupyter_rtc_share_all_users": "perhaps"}, "jupyterhub_rtc_share_all_users"),
    "malformed address": (
        {"jupyterhub_rtc_public_url": "hub.example.org"},
        "jupyterhub_rtc_public_url is 'hub.example.org'",
    ),
}


@pytest.fixture
def unchanged(host: Host, platform: Platform) -> Iterator[None]:
    """After the test the host's files are as they were, and the hub is the very process that it was."""
    before = host.check_output("systemctl show jupyterhub --property=InvocationID")
    yield
    assert changed_files(host, platform) == set()
    assert host.check_output("systemctl show jupyterhub --property=InvocationID") == before


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("variables", "sentence"), VARIABLES.values(), ids=VARIABLES.keys())
def test_mistake_is_named_and_nothing_changes(
    variables: dict[str, Any], sentence: str, platform: Platform
) -> None:
    """Requirements 15 and 46."""
    stopped = play("jupyter_rtc", platform.name, **variables)
    assert stopped.code != 0
    assert sentence in stopped.said
    assert stopped.changed == 0


@pytest.mark.usefixtures("unchanged")
def test_no_network_names_the_package(platform: Platform) -> None:
    """The package that could not be had is named, and the hub is as it was."""
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
        "jupyter-collaboration could not be installed in /usr/local/jupyterhub: the package index could not be reached"
        in stopped.said
    )


@pytest.mark.usefixtures("unchanged")
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
    """Requirement 46: what the environment says of its packages decides; here it is made to say something else."""
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
        stopped = play("jupyter_rtc", platform.name)
        assert stopped.code != 0
        assert sentence in stopped.said
        assert stopped.changed == 0
    finally:
        host.check_output(f"cp -p /root/METADATA {metadata}")


@pytest.mark.usefixtures("unchanged")
def test_broken_configuration_is_named_and_left_alone(host: Host, platform: Platform) -> None:
    """Requirement B2: a hub that would not start again as it is: nothing is installed, nothing is restarted."""
    path = "/usr/local/etc/jupyter/jupyterhub_config.py"
    host.check_output(f"cp -p {path} /root/config && printf 'c.JupyterHub.port = = 1\\n' >>{path}")
    try:
        stopped = play("jupyter_rtc", platform.name)
        assert stopped.code != 0
        assert f"the hub's configuration {path} does not load: SyntaxError" in stopped.said
        assert stopped.changed == 0
    finally:
        host.check_output(f"cp -p /root/config {path}")


@pytest.mark.usefixtures("unchanged")
def test_check_mode_tells_and_does_nothing(platform: Platform) -> None:
    """A dry run on a hub that has nothing of it yet."""
    dry = play("jupyter_rtc", platform.name, "--check", "--diff")
    assert dry.code == 0, dry.output
    assert "Would change:" in dry.said
    assert '+ "servers!server=shared/",' in dry.said
