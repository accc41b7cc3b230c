# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub as The Littlest JupyterHub sets it up (requirement B12)."""

from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from people import Hub, LoginRefused, Person, Refused
from scenario import (
    Credentials,
    Platform,
    edit_together,
    installed,
    keep_out,
    play,
    undisturbed,
    verified,
    wait_until,
)

SETTINGS: dict[str, Any] = {
    "jupyter_rtc_config_path": "/opt/tljh/config/jupyterhub_config.d/zz-collab.py",
    "jupyter_rtc_venv": "auto",
}
ACCOUNT = "jupyter-shared"


def test_packages_are_where_people_have_jupyterlab(host: Host) -> None:
    """Requirement 14: the package is in the users' environment, and not in the hub's own."""
    assert installed(host, "/opt/tljh/user/bin/python")["jupyter-collaboration"].startswith("5.0.")
    assert "jupyter-collaboration" not in installed(host, "/opt/tljh/hub/bin/python")


def test_account_has_the_name_that_the_spawner_gives_it(host: Host) -> None:
    """The hub user is `shared`, and its account is named like everyone's."""
    assert host.user(ACCOUNT).exists
    assert not host.user("shared").exists


def test_two_people_edit_on_the_shared_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5: two people edit on the shared server."""
    edit_together(alice, bob, "shared", host, account=ACCOUNT)


def test_settings_of_all_files_count(alice: Person, host: Host) -> None:
    """The settings of the hub's own file, the administrator's and ours are all in force, even if a role was set before."""
    alice.open("shared")
    process = host.check_output(f"cat $(pgrep -u {ACCOUNT} -f singleuser | sed 's,.*,/proc/&/environ,')")
    assert "SITE=littlest" in process.split("\0")
    scopes = set(alice.api("GET", "/hub/api/user").json()["scopes"])
    assert "read:services:name" in scopes
    assert {scope for scope in scopes if "shared/" in scope} >= {"access:servers!server=shared/"}


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused."""
    keep_out(hub, "shared", mallory)


def test_nobody_logs_in_as_the_account(hub: Hub) -> None:
    """With this authenticator, the first login of any other user sets the password."""
    with pytest.raises(LoginRefused):
        hub.login("shared", "a-long-password")


def test_address_is_the_one_that_its_proxy_listens_at(platform: Platform) -> None:
    """The play reads the address from the proxy's own configuration, because the hub's says nothing about it."""
    again = play("jupyter_rtc", platform.name, **SETTINGS)
    assert (again.code, again.changed) == (0, 0), again.output
    assert "Address for users: http://HOST/hub/spawn/shared" in again.said
    assert "Sharing page: http://HOST/services/sharing/" in again.said


def test_verify_needs_no_variable(platform: Platform, tmp_path: Path) -> None:
    """Verify finds nothing wrong, although no variable names the file or the address."""
    assert "two users edit together on the shared server" in verified(platform.name, tmp_path / "report.json")


def test_settings_of_the_hub_are_changed_as_before(
    alice: Person, hub: Hub, host: Host, platform: Platform
) -> None:
    """The hub's own command still changes its settings, and collaboration stays."""
    host.check_output("tljh-config set limits.memory 2G && tljh-config reload")
    wait_until(lambda: hub.is_up)
    alice.stop("shared")
    alice.open("shared")
    again = play("jupyter_rtc", platform.name, **SETTINGS)
    assert (again.code, again.changed) == (0, 0), again.output
    host.check_output("rm /opt/tljh/config/config.yaml && tljh-config reload")
    wait_until(lambda: hub.is_up)


def test_restart_leaves_servers_and_open_documents_alone(
    alice: Person, host: Host, platform: Platform
) -> None:
    """Requirement 17: servers and documents stay open, even where a signal to the hub's unit would end them."""
    with undisturbed(alice, host, account="jupyter-alice"):
        switched = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_user_sharing=False)
        assert switched.code == 0, switched.output


def test_file_that_takes_ours_back_is_refused(host: Host, platform: Platform) -> None:
    """If a later file sets the roles again, nobody would have any right: the play refuses, and nothing changes."""
    later = "/opt/tljh/config/jupyterhub_config.d/zzz.py"
    before = host.file(SETTINGS["jupyter_rtc_config_path"]).content
    host.check_output("echo 'c.JupyterHub.load_roles = []' >%s", later)
    refused = play("jupyter_rtc", platform.name, **SETTINGS)
    host.check_output("rm %s", later)
    assert refused.code != 0
    assert (
        "the hub loads settings after the block of collab.jupyterhub that replace JupyterHub.load_roles"
        in refused.message
    )
    assert refused.message.endswith("Nothing was changed.")
    assert host.file(SETTINGS["jupyter_rtc_config_path"]).content == before


def test_without_it_the_files_are_the_administrators_again(
    alice: Person, hub: Hub, host: Host, platform: Platform
) -> None:
    """The file that the play created is gone as well, and so are the account, packages and rights."""
    gone = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_state="absent")
    assert gone.code == 0, gone.output
    assert host.check_output("find /opt/tljh/config -type f") == host.check_output("cat /root/config.before")
    assert not host.user(ACCOUNT).exists
    assert "jupyter-collaboration" not in installed(host, "/opt/tljh/user/bin/python")
    with pytest.raises(Refused):
        alice.open("shared")
    with pytest.raises(LoginRefused):
        hub.login("shared", "a-long-password")
    again = play("jupyter_rtc", platform.name, **SETTINGS, jupyter_rtc_state="absent")
    assert (again.code, again.changed) == (0, 0), again.output
