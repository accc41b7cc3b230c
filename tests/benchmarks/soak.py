# SPDX-License-Identifier: GPL-3.0-or-later
"""Have ten people edit a text file and a notebook for a long time, and sample the server's resources and the delay of edits.

Samples go to .cache/results/soak.json, from which tests/tools/reliability.py writes a table.
"""

import argparse
import json
import statistics
import time

from benchmarks import Stage
from benchmarks.bench import busy, circumstances
from benchmarks.record_editing import RESULTS, host
from editing.crowd import Crowd
from editing.events import Row, look
from editing.site import OWNER, Site

STATE = "/var/lib/jupyterhub-rtc"
PACE = 1.0  # seconds between two words of one person
SIZES = (
    "cat /proc/$(pgrep --oldest --uid {owner} --full singleuser)/status | sed -n 's/^VmRSS:\\s*//p'; "
    "du --summarize --block-size=1 {state} | cut -f1"
)


def sample(site: Site, crowd: Crowd, seconds: float) -> dict[str, float]:
    """Return the server's memory and state on disk in MB, and the delays since the last sample in ms."""
    memory, state = site.host.check_output(SIZES.format(owner=OWNER, state=STATE)).splitlines()
    delays = [delay * 1000 for delay in crowd.delays()] or [0.0]
    return {
        "seconds": round(seconds, 1),
        "memory": round(int(memory.split()[0]) / 1024, 1),
        "state": round(int(state) / 1e6, 2),
        "median": round(statistics.median(delays), 1),
        "slowest": round(max(delays), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--every", type=float, default=30, help="seconds between two samples")
    parser.add_argument("--keep", action="store_true", help="leave the container running")
    given = parser.parse_args()
    load = busy()
    with host("soak", "after", given.keep) as site:
        paths = site.make("soak")
        crowd = site.crowd(paths)
        samples = [sample(site, crowd, 0)]
        began = time.monotonic()
        with crowd.typing(PACE):
            while (passed := time.monotonic() - began) < given.minutes * 60:
                time.sleep(min(given.every, given.minutes * 60 - passed))
                samples.append(sample(site, crowd, time.monotonic() - began))
                print(samples[-1], flush=True)
        row = Row()
        look(site, crowd, paths, row)
        crowd.close()
        seen = circumstances(Stage(site.platform, site.host, site.hub), load)
    kept = {"circumstances": seen, "samples": samples, "outcome": row.plain}
    (RESULTS / "soak.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
