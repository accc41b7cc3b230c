# SPDX-License-Identifier: GPL-3.0-or-later
"""Have ten people edit together through everything that can happen to their server, without the collection and with it.

Asserts nothing: results go to .cache/results/editing.json, from which tests/tools/reliability.py writes a table.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import testinfra

from benchmarks import IMAGE, Stage, containers
from benchmarks.bench import busy, circumstances
from editing.events import cases, keep
from editing.site import Site
from people import Hub
from scenario import INVENTORY, ROOT, Platform, wait_until

RESULTS = ROOT / ".cache/results"
SCENARIO = ROOT / "molecule/editing"
PLAYS = {
    "before": [SCENARIO / "prepare.yml", SCENARIO / "plain.yml"],
    "after": [SCENARIO / "prepare.yml", SCENARIO / "converge.yml"],
}


@contextmanager
def host(name: str, when: str, keep: bool) -> Iterator[Site]:
    """Start a container with a hub that has live collaboration, and yield the site."""
    platform = Platform(f"collab-{name}-{when}", IMAGE)
    label = f"collab.scenario={name}-{when}"
    inventory = [f"--inventory={platform.name},", "--extra-vars", json.dumps(INVENTORY)]
    try:
        containers("up", platform.name, platform.image, f"--label={label}")
        for playbook in PLAYS[when]:
            subprocess.run(
                ["ansible-playbook", str(playbook), *inventory], check=True, stdin=subprocess.DEVNULL
            )
        with Hub(f"http://{platform.address}:8000") as hub:
            wait_until(lambda: hub.is_up, 60)
            yield Site(platform, testinfra.get_host(f"podman://{platform.name}"), hub)
    finally:
        if not keep:
            containers("down", label)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("when", nargs="*", help="before, after; both by default")
    parser.add_argument(
        "--kills", type=int, default=50, help="how often the server is killed at a random moment"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often everything else happens")
    parser.add_argument("--seconds", type=float, default=60, help="how long people type without a pause")
    parser.add_argument("--only", default="", help="run only events whose name contains this text")
    parser.add_argument("--keep", action="store_true", help="leave the containers running")
    given = parser.parse_args()
    if unknown := set(given.when) - set(PLAYS):
        parser.error(f"must be before or after: {', '.join(unknown)}")
    everything = cases(rounds=given.rounds, kills=given.kills, seconds=given.seconds)
    os.environ |= {"NO_COLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    for when in given.when or PLAYS:
        with host("whole", when, given.keep) as site:
            load = busy()
            for number, (name, case) in enumerate(everything.items()):
                if given.only in name:
                    row = case(site, f"case-{number}")
                    keep(when, {name: row.plain})
                    print(f"{when}: {name}: {row.plain}", flush=True)
            keep("circumstances", circumstances(Stage(site.platform, site.host, site.hub), load))


if __name__ == "__main__":
    main()
