# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people and five programs at ten files of every type, while their server is stopped in every way: what becomes of what people type?

The rules are those of tests/support/storm/judge.py. What breaks one is printed with what happened to that file. Both servers, with the
collection and without, go through the same seed at once. Results are left in .cache/results/storm.json, from which
tests/tools/reliability.py makes a table.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.bench import RESULTS, busy, machine
from scenario import ROOT
from storm.weather import Storm

PLACE = ROOT / ".cache/storm"
WHEN = {"before": True, "after": False}  # and whether it is plain


async def weather(when: list[str], seed: int, seconds: float, place: Path) -> dict[str, object]:
    def tell(name: str, what: str) -> None:
        print(f"{name}: {what}" if name == "after" else f"{name}: {what.splitlines()[0]}", flush=True)

    storms = {
        name: Storm(place / name, seed, plain=WHEN[name], tell=lambda what, name=name: tell(name, what))
        for name in when
    }
    outcomes = await asyncio.gather(*(storm.run(seconds) for storm in storms.values()))
    return {name: asdict(outcome) for name, outcome in zip(storms, outcomes, strict=True)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("when", nargs="*", help="before, after; both where none is named")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--try", action="store_true", dest="is_try", help="keep no result")
    given = parser.parse_args()
    if unknown := set(given.when) - set(WHEN):
        parser.error(f"neither before nor after: {', '.join(unknown)}")
    print(f"seed {given.seed}", flush=True)
    place = PLACE / str(given.seed)
    shutil.rmtree(place, ignore_errors=True)
    load = busy()
    seen = asyncio.run(weather(given.when or list(WHEN), given.seed, 60 * given.minutes, place))
    print(json.dumps(seen), flush=True)
    if not given.is_try:
        kept = {"circumstances": circumstances(load), **seen}
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "storm.json").write_text(json.dumps(kept, indent=1) + "\n")
    broken = seen.get("after", {}).get("broken")  # type: ignore[attr-defined]
    if not broken:
        shutil.rmtree(place)
    return 1 if broken else 0


def circumstances(load: str) -> dict[str, str]:
    return {"load": f"{load} before, {busy()} after", "python": sys.version.split()[0], "machine": f"{os.cpu_count()} cores, {machine.machine()}"}


if __name__ == "__main__":
    sys.exit(main())
