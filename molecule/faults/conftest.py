# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub on which all faults are tried, while alice works there."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from testinfra.host import Host

from people import Hub
from scenario import PASSWORDS, Platform

# Before the import, so that failed assertions show their values.
pytest.register_assert_rewrite("faults")
from faults import RESULTS, SCOPES, Fault, Site, fragment  # noqa: E402

FILES = Path(__file__).with_name("files")


@pytest.fixture(scope="session")
def site(host: Host, hub_url: str, platform: Platform) -> Iterator[Site]:
    """Return the site. Alice has a document open from the first test to the last."""
    RESULTS.unlink(missing_ok=True)
    for path in FILES.iterdir():
        subprocess.run(["podman", "cp", str(path), f"{platform.name}:/root/{path.name}"], check=True)
    host.check_output("chmod +x /root/killed_at.py")
    with Hub(hub_url) as hub:
        server = hub.login("alice", PASSWORDS["alice"]).open("alice")
        server.write_file("open.txt")
        with server.document("open.txt") as document:
            site = Site(host, platform, document)
            assert site.change(fragment(SCOPES[0])).code == 0
            site.usual_files = set(site.look().files)
            yield site


@pytest.fixture
def fault(site: Site) -> Callable[[str], Fault]:
    """Return a function that gives a fault its name."""
    return lambda name: Fault(site, name)
