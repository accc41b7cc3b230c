# SPDX-License-Identifier: GPL-3.0-or-later
"""Write tables and figures into docs/reference/benchmarks.md, from the last runs of benchmarks on this machine.

`<!-- benchmark: NAME -->`  results of tests/benchmarks/bench.py

Each section ends with `<!-- end -->`. A section without results on this machine stays unchanged. docs/benchmarks/NAME.json gets
every measurement.
"""

import json
import re
import statistics
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/reference/benchmarks.md"
IMAGES = ROOT / "docs/images"
MEASURED = ROOT / "docs/benchmarks"
RESULTS = ROOT / ".cache/results"
PLACE = re.compile(r"(<!-- benchmark: (\w+) -->\n).*?(<!-- end -->)", re.S)

Rows = dict[str, dict[str, list[float]]]


def shown(number: float) -> str:
    """Format a number with about three significant digits."""
    digits = 0 if number >= 1000 else 1 if number >= 10 else 2
    return f"{number:.{digits}f}"


def shown_median(measured: list[float] | None) -> str:
    return shown(statistics.median(measured)) if measured else ""


def line(what: str, numbers: list[str]) -> str:
    return f"| {' | '.join((what, *numbers))} |"


def table(rows: Rows) -> list[str]:
    """Return the lines of a table: median and spread if there is one column, otherwise the medians. Rows may lack columns."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    if len(names) > 1:
        head = names
        body = [line(what, [shown_median(row.get(name)) for name in names]) for what, row in rows.items()]
    else:
        head = [f"median, {names[0]}", "min", "max", "samples"]
        body = [line(what, spread(row[names[0]])) for what, row in rows.items()]
    return [line("measurement", head), line("---", ["---:"] * len(head)), *body]


def spread(measured: list[float]) -> list[str]:
    numbers = (statistics.median(measured), min(measured), max(measured))
    return [*map(shown, numbers), str(len(measured))]


def text(name: str, result: dict[str, Any]) -> str:
    """Return a benchmark's section: summary, figures, table and test environment."""
    where = "; ".join(f"{what}: {value}" for what, value in result["circumstances"].items())
    where += f"; [all measurements](../benchmarks/{name}.json)"
    pictures = [f"![{picture}](../images/bench-{picture}.svg)" for picture in result["pictures"]]
    parts = [result["reading"], *pictures, "\n".join(table(result["rows"])), where]
    return "\n\n".join(parts) + "\n"


def section(found: re.Match[str]) -> str:
    """Return a section with its results, or unchanged if this machine has no results or only those of a run with `--rounds`."""
    kept = RESULTS / f"bench-{found[2]}.json"
    result: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {"is_short": True}
    if result["is_short"]:
        return found[0]
    for name, picture in result["pictures"].items():
        (IMAGES / f"bench-{name}.svg").write_text(picture)
    keep(found[2], result)
    return found[1] + text(found[2], result) + found[3]


def keep(name: str, result: dict[str, Any]) -> None:
    """Save the raw measurements with six significant digits, for readers who do their own statistics."""
    rows: Rows = result["rows"]
    exact = {
        what: {column: [float(f"{number:.6g}") for number in numbers] for column, numbers in row.items()}
        for what, row in rows.items()
    }
    MEASURED.mkdir(exist_ok=True)
    kept = {"circumstances": result["circumstances"], "rows": exact}
    (MEASURED / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")


def main() -> None:
    DOCUMENT.write_text(PLACE.sub(section, DOCUMENT.read_text()))


if __name__ == "__main__":
    main()
