# SPDX-License-Identifier: GPL-3.0-or-later
"""A run with nothing to change only looks at the host. Whatever differs from what the last run has applied, a full run finds and repairs it."""

from collections.abc import Callable

import pytest
from testinfra.host import Host

from modules import call
from people import Hub
from scenario import Platform, Play, wait_until

Run = Callable[..., Play]
# Of a project that other tests do not need.
PROJECTS = "/srv/jupyterhub-projects"
FILES = f"{PROJECTS}/snow/files"
FRAGMENTS = "/usr/local/etc/jupyter/jupyterhub_collab.d"
UV = "/usr/local/lib/collab.jupyterhub/uv/bin/uv"

# What someone does, and whether the discovery of the next run finds it, so that the record of the last run still holds.
SOON = {
    "acl": (f"python3 -c \"import os; os.removexattr('{FILES}', 'system.posix_acl_access')\"", False),
    "python package": (
        f"{UV} pip uninstall --python /usr/local/jupyterhub/bin/python jupyter-collaboration",
        True,
    ),
}
LATER = {
    # The same size and the same times.
    "fragment": (
        f"touch -r {FRAGMENTS}/50-rtc.py /root/times; sed -i 's/by Ansible/by ansible/' {FRAGMENTS}/50-rtc.py; "
        f"touch -r /root/times {FRAGMENTS}/50-rtc.py",
        False,
    ),
    "restart": ("systemctl restart jupyterhub", False),
    "project": (f"sed -i 's/rainfall/rainfalL/' {FRAGMENTS}/70-projects.py", False),
    "default acl": (
        f"python3 -c \"import os; os.removexattr('{FILES}', 'system.posix_acl_default')\"",
        False,
    ),
    "mode": (f"chmod 0777 {FILES}", False),
    "owner": (f"chown mallory {FILES}", False),
    "owner above": (f"chown mallory {PROJECTS}/snow", False),
    "files": (f"mv {FILES} /root/files", False),
    "group": ("gpasswd --delete project-snow jupyterhub", False),
    "home": ("mv /home/project-snow /root/", False),
    "leftover": ("touch /usr/local/etc/jupyter/.50-rtc.py.collab-new", False),
    "record": ("echo '{}' >/var/lib/collab.jupyterhub/jupyterhub.applied", False),
    "jupyterlab": ("rm /usr/local/jupyterhub/etc/jupyter/labconfig/page_config.d/collab-rtc.json", True),
}
CASES = [pytest.param(*case, id=name) for name, case in SOON.items()]
CASES += [pytest.param(*case, id=name, marks=pytest.mark.long) for name, case in LATER.items()]


def is_recorded(platform: Platform) -> bool:
    """Return whether the last run's steps would change nothing."""
    told = call("hub_info_with_projects", platform.name, hub={"applied": True}).told
    return bool(told["applied"].get("digest"))


@pytest.mark.parametrize(("difference", "stays"), CASES)
def test_difference_is_found_and_repaired(
    difference: str, stays: bool, run: Run, hub: Hub, host: Host, platform: Platform
) -> None:
    if not is_recorded(platform):
        assert run().code == 0
    assert is_recorded(platform)
    host.check_output(difference)
    if difference.startswith("systemctl"):
        wait_until(lambda: hub.is_up, 120)
    assert is_recorded(platform) is stays
    done = run()
    assert done.code == 0, done.output
    if stays:
        assert done.changed == 1, done.output
    assert is_recorded(platform)


@pytest.mark.long
def test_directory_in_which_others_could_have_replaced_workspaces_is_refused(run: Run, host: Host) -> None:
    """The play does not repair it: what is in it may no longer be what the play has created."""
    before = host.file(PROJECTS).mode
    host.check_output("chmod 0777 %s", PROJECTS)
    refused = run()
    host.check_output(f"chmod {before:o} {PROJECTS}")
    assert refused.code != 0
    assert (
        f"accounts other than root can write to {PROJECTS} and could replace the workspaces" in refused.output
    )
    assert run().code == 0


@pytest.mark.long
def test_missing_code_is_found(run: Run, host: Host, platform: Platform) -> None:
    """A hub whose configuration names code that is gone cannot be changed, so the play says so."""
    assert run().code == 0
    host.check_output("mkdir /root/code && mv /usr/local/lib/collab.jupyterhub/[0-9a-f]* /root/code")
    assert not is_recorded(platform)
    assert "failed to load" in run().output
    host.check_output("mv /root/code/* /usr/local/lib/collab.jupyterhub")
    assert is_recorded(platform)
