# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a whole play: its connection, another play, a service that it does not find. The tests run in order."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import testinfra

from faults import DIRECTORY, STATE, Fault, Site, change_of, fragment
from scenario import Platform, play, wait_until

SHARING = "/usr/local/etc/jupyter/jupyterhub_collab.d/60-sharing.py"  # all users mode has none


def test_restart_drops_nothing(site: Site, fault: Callable[[str], Fault]) -> None:
    """No fault: a play changes the mode of a hub on which people work, and drops nothing."""
    tried = fault("none: the play changes the mode and restarts the hub")
    before = site.look()
    site.document.append("typed while the play begins\n")
    switched = site.play(jupyter_rtc_share_all_users=True)
    assert switched.code == 0, switched.output
    assert "Changed: " in switched.said
    after = site.look()
    tried.see_people(before, after)
    tried.see_restart(before, after, {"access:servers"})
    tried.row["said"] = "the list of changes"
    tried.converges_by_play(SHARING, jupyter_rtc_share_all_users=True)


def test_two_plays_at_once(site: Site, fault: Callable[[str], Fault]) -> None:
    """Both plays find all the work still to do, and what one has done, the other does not repeat."""
    tried = fault("two plays run at the same time")
    site.uninstall("jupyter-collaboration")
    site.host.run("userdel shared")
    before = site.look()
    with ThreadPoolExecutor() as both:
        plays = [each.result() for each in [both.submit(site.play) for _ in range(2)]]
    for done in plays:
        assert done.code == 0, done.output
    assert any("account shared created" in done.said for done in plays)
    after = site.look()
    tried.see_people(before, after)
    tried.see_restart(before, after, {"access:servers!server=shared/"})
    tried.row["said"] = "the list of changes"
    tried.converges_by_play()


def test_two_changes_at_once(site: Site, fault: Callable[[str], Fault]) -> None:
    """The later change waits for the other. The fragment and the rights are those of the later one, not of both."""
    tried = fault("two changes of the hub run at the same time")
    now, wanted = site.scope, site.other_scope
    with tried.survived(wanted), ThreadPoolExecutor() as both:
        first = both.submit(site.change, fragment(now, "# again"))
        wait_until(
            lambda: site.host.run(f"test -e {STATE}/lock && ! flock --nonblock {STATE}/lock true").rc == 0, 60
        )
        second = both.submit(site.change, fragment(wanted))
        assert first.result().changed and second.result().changed
    assert site.scope == wanted
    tried.row["said"] = "the list of changes"
    tried.converges(site.scope)


def test_lost_connection(site: Site, fault: Callable[[str], Fault]) -> None:
    """Ansible and its connection are killed during the dry run. The module may or may not continue."""
    tried = fault("the connection is lost while the candidate configuration is checked")
    wanted = site.other_scope
    with tried.survived(wanted):
        with site.running("hub_config", change_of(fragment(wanted)), "/usr/bin/python3") as process:
            wait_until(lambda: site.host.run(f"ls -A {DIRECTORY} | grep collab-dry-run").stdout, 60)
            os.killpg(process.pid, signal.SIGKILL)
        wait_until(
            lambda: site.host.run(f"test ! -e {STATE}/lock || flock --nonblock {STATE}/lock true").rc == 0,
            120,
        )
    tried.converges(wanted)
    tried.row |= {
        "hub": "as before, or changed if the module continues on its own",
        "next": "does the remaining work",
    }
    tried.record()


def test_service_of_another_name(site: Site, fault: Callable[[str], Fault]) -> None:
    """The message names the variable. With it, all these tests use a hub whose unit has another name."""
    tried = fault("the hub's service has another name")
    with tried.survived():
        stopped = play("jupyter_rtc", site.platform.name)
    assert "The systemd unit jupyterhub does not exist. Set jupyterhub_rtc_service" in stopped.said
    tried.row["said"] = stopped.message
    tried.converges_by_play()


@pytest.fixture
def bare(platform: Platform) -> Iterator[str]:
    """Return the name of a host with the same hub, but without systemd."""
    name = f"{platform.name}-bare"
    label = "--label=collab.scenario=faults"
    subprocess.run(
        [
            "podman",
            "run",
            "--detach",
            "--replace",
            f"--name={name}",
            label,
            platform.image,
            "sleep",
            "infinity",
        ],
        check=True,
    )
    yield name
    subprocess.run(["podman", "rm", "--force", "--time=0", name], check=True)


def test_no_systemd(bare: str, site: Site, fault: Callable[[str], Fault]) -> None:
    """A hub that someone started by hand keeps running."""
    tried = fault("the host does not run systemd")
    host = testinfra.get_host(f"podman://{bare}")
    node = "/usr/local/lib/jupyterhub-proxy"
    start = (
        "set -a; cd /var/lib/jupyterhub; . ./proxy.env; "
        f"setsid {node}/bin/node {node}/*/node_modules/.bin/configurable-http-proxy & "
        "setsid /usr/local/jupyterhub/bin/jupyterhub --config=/usr/local/etc/jupyter/jupyterhub_config.py &"
    )
    host.check_output(f"({start}) >/dev/null 2>&1")
    wait_until(lambda: host.run("ss --listening --tcp --numeric | grep :8081").rc == 0, 60)
    look = "pgrep --full [b]in/jupyterhub; md5sum /usr/local/etc/jupyter/*.py /usr/local/etc/jupyter/*/*.py"
    before = host.check_output(look)
    with tried.survived():
        stopped = play("jupyter_rtc", bare)
    assert "this host does not run systemd" in stopped.said
    assert stopped.changed == 0
    again = play("jupyter_rtc", bare)
    assert (again.message, again.changed) == (stopped.message, 0)
    assert host.check_output(look) == before
    tried.row |= {
        "said": stopped.message,
        "hub": "keeps running, roles as before",
        "next": "the same message",
    }
    tried.record()
