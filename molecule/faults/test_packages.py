# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults before the configuration changes: packages that cannot be downloaded or installed, and accounts that are half created."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from faults import PYTHON, Fault, Site

INDEX = "http://127.0.0.1:9999"
NOTHING_KEPT = {"UV_CACHE_DIR": "/tmp/no-cache", "PIP_NO_CACHE_DIR": "1"}
IMPATIENT = {"UV_HTTP_TIMEOUT": "2", "UV_HTTP_RETRIES": "0"}
# What is wrong with the index -> what the administrator has set, and what the play says.
INDEXES: dict[str, tuple[dict[str, str], str]] = {
    "the package index is unreachable": (
        {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", **NOTHING_KEPT},
        "the package index is unreachable",
    ),
    "the package index accepts connections but never answers": (
        {"PIP_INDEX_URL": f"{INDEX}/slow/simple", **NOTHING_KEPT, **IMPATIENT},
        "the package index is unreachable",
    ),
    "the package index has a broken wheel": (
        {"PIP_EXTRA_INDEX_URL": f"{INDEX}/broken/simple"},
        "the download of jupyter-collaboration is damaged",
    ),
}
# Files that a package lists but that do not exist, and directories that an installer uses temporarily.
ASTRAY = """
import glob, importlib.metadata as m, sysconfig
print([str(f) for d in m.distributions() for f in d.files or () if not f.locate().exists() and f.suffix != ".pyc"])
print(glob.glob(sysconfig.get_path("purelib") + "/*.data"))
"""


@pytest.fixture
def useless_index(site: Site) -> Iterator[None]:
    site.host.check_output("systemd-run --unit=package-index python3 /root/package_index.py 9999")
    yield
    site.host.check_output("systemctl stop package-index")


@pytest.mark.usefixtures("useless_index")
def test_package_index(site: Site, fault: Callable[[str], Fault]) -> None:
    """The play stops before anything on the host changes, and names the package."""
    site.uninstall("jupyter-collaboration")
    tried = [fault(name) for name in INDEXES]
    for each in tried:
        environment, sentence = INDEXES[each.name]
        with each.survived():
            stopped = site.play(jupyterhub_rtc_environment=environment)
        each.row["said"] = stopped.message
        assert f"Failed to install jupyter-collaboration in /usr/local/jupyterhub: {sentence}" in stopped.said
        assert stopped.changed == 0
    tried[0].converges_by_play()
    for each in tried[1:]:
        each.row["next"] = tried[0].row["next"]
        each.record()


def test_installer_killed_halfway(site: Site, fault: Callable[[str], Fault]) -> None:
    """If only some files of a package were installed, the next run installs all of them."""
    tried = fault("the installer and the play are killed halfway through an installation")
    site.uninstall("jupyter-collaboration", "jupyter-collaboration-ui", "jupyter-docprovider")
    site.host.check_output("install -m 755 /root/uv_killed_halfway.py /usr/local/bin/uv")
    with tried.survived():
        assert site.play().code != 0
        site.host.check_output("rm /usr/local/bin/uv")
        site.host.check_output(f"{PYTHON} -c 'import jupyterlab, jupyterhub, jupyter_server_ydoc'")
    assert site.host.file("/usr/local/jupyterhub/.python_packages-unfinished.json").exists
    tried.converges_by_play()
    assert site.host.check_output(f"{PYTHON} -c '{ASTRAY}'").split() == ["[]", "[]"]


def test_environment_on_a_full_disk(site: Site, fault: Callable[[str], Fault]) -> None:
    """After a failed installation, the environment works as before and contains nothing new."""
    tried = fault("the disk with the environment is full")
    arguments: dict[str, Any] = {"environment": "/mnt/environment", "create": True, "packages": ["six"]}
    more = arguments | {"packages": ["six", "babel"]}
    site.host.check_output("mkdir -p /mnt/environment")
    with site.mounted("/mnt/environment", "-t tmpfs -o size=3m none"):
        assert site.module("python_packages", arguments).changed
        with tried.survived():
            refused = site.module("python_packages", more)
        tried.row["said"] = refused.refusal
        assert refused.refusal == "Failed to install six, babel in /mnt/environment: the disk is full."
        site.host.check_output("/mnt/environment/bin/python -c 'import six'")
        site.host.check_output("mount -o remount,size=100m /mnt/environment")
        assert site.module("python_packages", more).changed
        assert not site.module("python_packages", more).changed
        site.host.check_output("/mnt/environment/bin/python -c 'import six, babel.numbers'")
    tried.row["next"] = "makes changes, then nothing to do"
    tried.record()


ACCOUNT: dict[str, Any] = {"names": ["team"], "group": "team-group", "comment": "of a test"}
ACCOUNT_STEPS = {
    "after it has created the group": ("of_kept_home.call", ACCOUNT),
    "after it has created the account": ("ensure_present.return", ACCOUNT),
    "after it has ended the account's processes": ("end_processes.return", ACCOUNT | {"state": "absent"}),
    "after it has removed the account": ("ensure_absent.return", ACCOUNT | {"state": "absent"}),
}


@pytest.mark.parametrize(("when", "killed"), ACCOUNT_STEPS.items(), ids=ACCOUNT_STEPS.keys())
def test_accounts_made_halfway(
    when: str, killed: tuple[str, dict[str, Any]], site: Site, fault: Callable[[str], Fault]
) -> None:
    """The next run completes what is left to do."""
    step, arguments = killed
    tried = fault(f"the accounts task is killed {when}")
    if arguments is not ACCOUNT:
        site.module("shared_accounts", ACCOUNT)
    else:
        site.module("shared_accounts", ACCOUNT | {"state": "absent"})
        site.host.run("groupdel team-group; rm -rf /home/team")
    with tried.survived():
        site.kill(step, "shared_accounts", arguments)
    changed = site.module("shared_accounts", arguments).changed
    assert not site.module("shared_accounts", arguments).changed
    account = site.host.user("team")
    assert account.exists is (arguments is ACCOUNT)
    if account.exists:
        assert "team-group" in account.groups and site.host.file("/home/team").user == "team"
    site.module("shared_accounts", ACCOUNT | {"state": "absent", "remove_groups": True})
    tried.row["next"] = "makes changes, then nothing to do" if changed else "nothing to do"
    tried.record()
