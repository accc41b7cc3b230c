# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables into docs/benchmarks.md, from what the last runs of the benchmarks measured.

The place of a benchmark is between `<!-- benchmark: NAME -->` and `<!-- end -->`.
"""

import json
import re
import statistics
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/benchmarks.md"
PLACE = re.compile(r"(<!-- benchmark: (\w+) -->\n).*?(<!-- end -->)", re.S)


def row(what: str, measured: list[float]) -> str:
    numbers = (statistics.median(measured), min(measured), max(measured))
    return f"| {what} | {' | '.join(f'{number:.1f}' for number in numbers)} | {len(measured)} |"


def table(result: dict[str, Any]) -> str:
    """The reading, the table and where it was measured."""
    unit = result["unit"]
    lines = [
        result["reading"],
        "",
        f"| what | median, {unit} | quickest | slowest | measured |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(row(what, measured) for what, measured in result["rows"].items()),
        "",
        "; ".join(f"{what}: {value}" for what, value in result["circumstances"].items()),
    ]
    return "\n".join((*lines, ""))


def section(found: re.Match[str]) -> str:
    """A place with what was measured; as it stands where this machine has measured nothing."""
    kept = ROOT / f".cache/results/bench-{found[2]}.json"
    return found[1] + table(json.loads(kept.read_text())) + found[3] if kept.exists() else found[0]


def main() -> None:
    before = DOCUMENT.read_text()
    DOCUMENT.write_text(PLACE.sub(section, before))


if __name__ == "__main__":
    main()
