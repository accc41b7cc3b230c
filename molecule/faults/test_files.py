# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are full or read-only, and files with the wrong owner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from faults import DIRECTORY, FRAGMENT, MAIN, STATE, Fault, Site, fragment

FILLER = "dd if=/dev/zero of={path}/filler bs=4k status=none; true"


@contextmanager
def small_disk(site: Site, path: str, *, full: bool) -> Iterator[None]:
    """Put a directory on a small disk of its own for a while: full, or with enough room for one change."""
    kept = f"/root/kept{path}"
    site.host.check_output(f"rm -rf {kept} && mkdir -p {kept} && cp -a {path}/. {kept}")
    with site.mounted(path, f"-t tmpfs -o size=400k,mode=$(stat -c %a {path}) none"):
        site.host.check_output(f"cp -a {kept}/. {path}")
        if full:
            site.host.check_output(FILLER.format(path=path))
        yield


@pytest.mark.parametrize(
    ("where", "path"),
    {"the configuration": DIRECTORY, "the collection's state": STATE}.items(),
    ids=["configuration", "state"],
)
def test_full_disk(where: str, path: str, site: Site, fault: Callable[[str], Fault]) -> None:
    """A change that cannot be completed does not begin."""
    tried = fault(f"the disk with {where} is full")
    now = site.scope
    with small_disk(site, path, full=True), tried.survived():
        refused = site.change(fragment(site.other_scope))
    tried.row["said"] = refused.refusal
    assert refused.refusal.startswith(path)
    assert "No space left on device. Fix it, then rerun. Nothing was changed." in refused.refusal
    tried.converges(now)


def test_disk_that_fills_while_the_hub_starts(site: Site, fault: Callable[[str], Fault]) -> None:
    """A rollback needs no disk space."""
    tried = fault(
        "the disks with the configuration and the state fill up while the hub starts, and the hub dies"
    )
    now = site.scope
    lines = [
        "import os, subprocess, sys",
        'if "jupyterhub_collab.hub.dry_run" not in sys.modules:',
        *(f"    subprocess.run({FILLER.format(path=path)!r}, shell=True)" for path in (DIRECTORY, STATE)),
        "    os._exit(1)",
    ]
    # The main file changes as well: its copy is next to it.
    site.host.check_output(f"echo '# a line below' >>{MAIN}")
    with (
        small_disk(site, DIRECTORY, full=False),
        small_disk(site, STATE, full=False),
        tried.survived(),
    ):
        refused = site.change(fragment(site.other_scope, *lines))
        site.host.check_output(f"rm {DIRECTORY}/filler {STATE}/filler")
    tried.row["said"] = refused.refusal
    assert "The previous configuration was restored, and the hub runs as before." in refused.refusal
    tried.converges(now)


def test_read_only_directory(site: Site, fault: Callable[[str], Fault]) -> None:
    """The directory may be read-only because the configuration is deployed by other means, or because the disk has failed."""
    tried = fault("the configuration directory is read-only")
    now = site.scope
    with site.mounted(DIRECTORY, f"--bind {DIRECTORY}"):
        site.host.check_output(f"mount -o remount,ro,bind {DIRECTORY}")
        with tried.survived():
            refused = site.change(fragment(site.other_scope))
    tried.row["said"] = refused.refusal
    assert f"{DIRECTORY}/" in refused.refusal
    assert "Read-only file system. Fix it, then rerun. Nothing was changed." in refused.refusal
    tried.converges(now)


def test_wrong_owner(site: Site, fault: Callable[[str], Fault]) -> None:
    """The collection's own files get their owner again. The main file keeps its owner, because the administrator may have reasons."""
    tried = fault("the configuration files belong to another user")
    now = site.scope
    site.host.check_output(f"chown bob {FRAGMENT} && chmod 0666 {FRAGMENT}")
    site.host.check_output(f"chown bob:users {MAIN} && chmod 0640 {MAIN} && echo '# a line below' >>{MAIN}")
    with tried.survived(now):
        assert site.change(fragment(now)).changed
    fragments, main = site.host.file(FRAGMENT), site.host.file(MAIN)
    assert (fragments.user, fragments.group, fragments.mode) == ("root", "root", 0o644)
    assert (main.user, main.group, main.mode) == ("bob", "users", 0o640)
    tried.row["said"] = "none: the collection's files are repaired, the administrator's stay"
    tried.converges(now)
    site.host.check_output(f"chown root:root {MAIN} && chmod 0644 {MAIN}")


def test_state_that_others_can_write(site: Site, fault: Callable[[str], Fault]) -> None:
    """Root acts on what is in this directory, so nobody else may be able to write there."""
    tried = fault("another user can write to the collection's state")
    now = site.scope
    site.host.check_output(f"chown bob {STATE}")
    with tried.survived():
        refused = site.change(fragment(site.other_scope))
    tried.row["said"] = refused.refusal
    assert f"accounts other than root can write to {STATE}" in refused.refusal
    site.host.check_output(f"chown root {STATE}")
    tried.converges(now)


def test_fragments_of_an_earlier_release(site: Site) -> None:
    """A hub runs one version of the package. A change that brings another one moves every fragment to it."""
    path = f"{DIRECTORY}/jupyterhub_collab.d/50-rtc.py"
    before = site.host.file(path).content_string
    version = before.partition('sys.path.insert(0, "')[2].partition('"')[0]
    earlier = f"{version.rpartition('/')[0]}/{'0' * 12}"
    site.host.check_output(f"cp -r {version} {earlier} && sed -i s,{version},{earlier}, {path}")
    now = site.scope
    refused = site.change(fragment(now, "raise ValueError"))
    assert f"Another version of this collection wrote {path}. Run role jupyterhub_rtc" in refused.refusal
    assert site.change(fragment(now, "import sys", "", 'sys.path.insert(0, "@PACKAGE@")')).changed
    assert site.host.file(path).content_string == before
    assert not site.host.file(earlier).exists
    assert site.change(fragment(now)).changed
