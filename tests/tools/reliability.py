# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the table of faults into docs/reliability.md, from what the last run of the scenario `faults` saw.

    reliability.py          writes it
    reliability.py --check  fails where the run saw something else than the document says

The place is between `<!-- faults -->` and `<!-- end -->`.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/reliability.md"
RESULTS = ROOT / ".cache/results/faults.json"
PLACE = re.compile(r"(<!-- faults -->\n).*?(<!-- end -->)", re.S)
COLUMNS = {
    "said": "what the play says",
    "hub": "the hub afterwards",
    "people": "people's servers",
    "next": "the next run",
}


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def table(rows: dict[str, dict[str, str]]) -> list[str]:
    """The lines of the table, one for each fault."""
    return [
        line(["what goes wrong", *COLUMNS.values()]),
        line(["---"] * (len(COLUMNS) + 1)),
        *(line([fault, *(row.get(column, "") for column in COLUMNS)]) for fault, row in rows.items()),
    ]


def main() -> int:
    lines = table(json.loads(RESULTS.read_text()))
    before = DOCUMENT.read_text()
    if "--check" in sys.argv:
        # A run of some of the tests has some of the rows.
        differing = [line for line in lines if line not in before.splitlines()]
        print(
            *differing, "The document says something else; run make reliability." * bool(differing), sep="\n"
        )
        return 1 if differing else 0
    text = "\n".join((*lines, ""))
    DOCUMENT.write_text(PLACE.sub(lambda found: found[1] + text + found[2], before))
    return 0


if __name__ == "__main__":
    sys.exit(main())
