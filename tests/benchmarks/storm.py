# SPDX-License-Identifier: GPL-3.0-or-later
"""Have two people and five programs change ten files of every type while their server is stopped in every way, and check for lost text.

tests/support/storm/judge.py has the rules. Each violation is printed with the history of its file. The servers with and without the
collection run at the same time with the same seed. Results go to .cache/results/storm.json, from which tests/tools/reliability.py
writes a table.
"""

import argparse
import asyncio
import importlib.metadata
import json
import os
import platform
import random
import re
import shutil
import signal
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bench import RESULTS, busy
from scenario import ROOT
from storm.weather import Storm

PLACE = ROOT / ".cache/storm"
WHEN = {"before": True, "after": False}  # whether the server is plain


async def weather(when: list[str], seed: int, seconds: float, place: Path) -> dict[str, Any]:
    """Run the storm on all servers at the same time, and return the outcomes."""

    def tell(name: str, what: str) -> None:
        # The plain server breaks too many rules to print in full.
        print(f"{name}: {what.splitlines()[0] if WHEN[name] else what}", flush=True)

    storms = {name: Storm(place / name, seed, plain=WHEN[name], tell=partial(tell, name)) for name in when}
    outcomes = await asyncio.gather(*(storm.run(seconds) for storm in storms.values()))
    return {name: asdict(outcome) for name, outcome in zip(storms, outcomes, strict=True)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("when", nargs="*", help="before, after; both by default")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--try", action="store_true", dest="is_try", help="do not save the results")
    given = parser.parse_args()
    if unknown := set(given.when) - set(WHEN):
        parser.error(f"must be before or after: {', '.join(unknown)}")
    # Processes that a shell starts in the background ignore SIGQUIT, and so would their children.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    print(f"seed {given.seed}", flush=True)
    place = PLACE / str(given.seed)
    shutil.rmtree(place, ignore_errors=True)
    load = busy()
    seen = asyncio.run(weather(given.when or list(WHEN), given.seed, 60 * given.minutes, place))
    print(json.dumps(seen), flush=True)
    if not given.is_try:
        kept = {"circumstances": circumstances(load, given.seed), **seen}
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "storm.json").write_text(json.dumps(kept, indent=1) + "\n")
    broken = seen.get("after", {}).get("broken")
    if not broken:
        shutil.rmtree(place)
    return 1 if broken else 0


def circumstances(load: str, seed: int) -> dict[str, str]:
    """Return the environment of the run, its load, and the seed to repeat it."""
    models = re.findall(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, {models[0] if models else platform.machine()}",
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("jupyter-server-ydoc", "pycrdt")},
        "seed": str(seed),
        "load": f"{load} before, {busy()} after",
    }


if __name__ == "__main__":
    sys.exit(main())
