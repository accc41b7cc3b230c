# SPDX-License-Identifier: GPL-3.0-or-later
"""`jupyter_rtc_venv: system`: a hub on the system's Python, with JupyterHub's default spawner."""

from testinfra.host import Host

from people import Hub, Person
from scenario import Credentials, Platform, edit_together, installed, keep_out, play, undisturbed

SERVERS = "pgrep --uid alice --full singleuser"


def test_package_is_on_the_systems_python(host: Host) -> None:
    """Requirements 14 and 16: the package is below /usr/local, apart from Debian's own files, in the version for JupyterLab 4.5."""
    where = host.check_output("/usr/bin/python3 -c 'import jupyter_collaboration as m; print(m.__file__)'")
    assert where.startswith("/usr/local/lib/python3")
    versions = installed(host, "/usr/bin/python3")
    assert versions["jupyter-collaboration"].startswith("4.4.")
    assert versions["jupyterlab"].startswith("4.5.")


def test_system_is_still_externally_managed(host: Host) -> None:
    """The distribution's marker stays, and its own packages are unchanged."""
    assert host.run("ls /usr/lib/python3*/EXTERNALLY-MANAGED").rc == 0
    assert host.run("dpkg --verify python3 python3-minimal").stdout == ""


def test_two_people_edit_on_the_shared_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5: two people edit on the shared server."""
    edit_together(alice, bob, "shared", host)


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused."""
    keep_out(hub, "shared", mallory)


def test_restart_leaves_servers_and_open_documents_alone(
    alice: Person, host: Host, platform: Platform
) -> None:
    """Servers stay, although a signal would make this hub stop them all, and systemd would end the rest."""
    with undisturbed(alice, host):
        switched = play(
            "jupyter_rtc", platform.name, jupyter_rtc_venv="system", jupyter_rtc_share_all_users=True
        )
        assert switched.code == 0, switched.output
        assert "The hub was killed" not in switched.said
    assert host.run("ls /run/systemd/system/jupyterhub.service.d").rc != 0


def test_hub_that_hangs_is_replaced_and_servers_stay(alice: Person, host: Host, platform: Platform) -> None:
    """A hub that hangs cannot be asked for anything. It is killed, because any other signal might make it stop everyone's server."""
    alice.open("alice")
    before = host.check_output(SERVERS)
    host.check_output("systemctl kill --signal=STOP --kill-who=main jupyterhub")
    switched = play("jupyter_rtc", platform.name, jupyter_rtc_venv="system")
    assert switched.code == 0, switched.output
    assert (
        "The hub was killed, because its API at http://127.0.0.1:8081/hub/api does not answer"
        in switched.said
    )
    assert host.check_output(SERVERS) == before
    assert alice.visit("alice").me()["identity"]["username"] == "alice"
