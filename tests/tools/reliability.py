# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables into docs/reference/reliability.md, from what the last runs on this machine saw.

    reliability.py          writes them
    reliability.py --check  fails where the run of the scenario `faults` differs from the document

`<!-- faults -->`   what the scenario `faults` has seen
`<!-- editing -->`  what tests/benchmarks/record_editing.py has seen
`<!-- soak -->`     what tests/benchmarks/soak.py has seen
`<!-- storm -->`    what tests/benchmarks/storm.py has seen

Each place ends with `<!-- end -->`; one about which nothing is known stays as it is.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/reference/reliability.md"
RESULTS = ROOT / ".cache/results"
PLACE = re.compile(r"(<!-- (faults|editing|soak|storm) -->\n).*?(<!-- end -->)", re.S)
FAULTS = {
    "said": "what the play says",
    "hub": "the hub afterwards",
    "people": "people's servers",
    "next": "the next run",
}


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [line(head), line(["---"] * len(head)), *(line(row) for row in rows)]


def faults(seen: dict[str, dict[str, str]]) -> list[str]:
    """A line for each fault."""
    rows = [[fault, *(row.get(column, "") for column in FAULTS)] for fault, row in seen.items()]
    return table(["what goes wrong", *FAULTS.values()], rows)


def editing(seen: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each thing that happens, and where it was seen."""
    before, after = (seen.get(when, {}) for when in ("before", "after"))
    rows = [[what, *(outcome(side.get(what)) for side in (before, after))] for what in before | after]
    where = "; ".join(f"{what}: {value}" for what, value in seen.get("circumstances", {}).items())
    return [
        *table(["what happens", "jupyter-collaboration alone", "with this collection"], rows),
        "",
        where,
    ]


def outcome(row: dict[str, Any] | None) -> str:
    """What became of people's work, in words; see `Row` in tests/support/editing/events.py."""
    if row is None:
        return ""
    losses = {"lost": "that others had seen", "own_lost": "of which only the author knew"}
    said = [
        f"{row[kind]} of {row['typed']} words lost {whose}" for kind, whose in losses.items() if row[kind]
    ]
    said = said or [f"none of {row['typed']} words lost"]
    if row["twice"]:
        said.append(f"{row['twice']} twice")
    if row["differ"]:
        said.append(f"{row['differ']} documents not the same everywhere")
    if row.get("outside"):
        said.append("the text from outside lost")
    if row.get("aside"):
        said.append(
            f"{row['aside']} words in a file beside" + (", and people told" if row.get("told") else "")
        )
    if row["away"]:
        said.append(f"{row['away']} open tabs never back")
    elif row["back"]:
        said.append(f"everyone back after {row['back']:.1f} s at most")
    if "stop" in row:
        said.append(f"stopping took up to {row['stop']:.1f} s")
    if "unsaved" in row:
        said.append(f"nothing new in the file for up to {row['unsaved']:.1f} s")
    times = f" ({row['times']} times)" if row["times"] > 1 else ""
    return "; ".join(said) + times


def soak(seen: dict[str, Any]) -> list[str]:
    """What was measured now and then while people edited for long."""
    head = [
        "minute",
        "memory of the server, MB",
        "state on disk, MB",
        "edit seen by others after, ms (median)",
        "slowest",
    ]
    samples = seen["samples"]
    some = samples[:: max(1, len(samples) // 10)]
    rows = [
        [
            f"{each['seconds'] / 60:.0f}",
            f"{each['memory']:.0f}",
            f"{each['state']:.1f}",
            f"{each['median']:.0f}",
            f"{each['slowest']:.0f}",
        ]
        for each in some
    ]
    where = "; ".join(f"{what}: {value}" for what, value in seen["circumstances"].items())
    return [*table(head, rows), "", where]


RULES = {
    "lost": "words lost that others had seen, or that the file had held",
    "doubled": "words doubled",
    "needless": "copies without a need",
    "bytes": "changes of a file's own bytes",
    "differ": "files that people and disk had in different states for long",
    "reload": "tabs that could not come back with what they had",
    "stop": "stops that took more than 10 s",
}


def storm(seen: dict[str, Any]) -> list[str]:
    """What both servers went through, and which rules were broken."""
    sides = [seen[when] for when in ("before", "after")]

    def counted(numbers: dict[str, int]) -> str:
        return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items()))

    rows = [
        ["minutes", *(f"{side['seconds'] / 60:.0f}" for side in sides)],
        ["quiet moments, in which all was looked at", *(str(side["rounds"]) for side in sides)],
        ["what programs did", *(counted(side["programs"]) for side in sides)],
        ["stops and kills", *(counted(side["stops"]) for side in sides)],
        ["words that counted, of those typed", *(f"{side['counted']} of {side['typed']}" for side in sides)],
        *(
            [f"**{said}**", *(str(side["broken"].get(rule, 0)) for side in sides)]
            for rule, said in RULES.items()
        ),
        [
            "copies that were needed",
            *(str(side["copies"] - side["broken"].get("needless", 0)) for side in sides),
        ],
        ["words lost that only their author knew", *(str(side["own_lost"]) for side in sides)],
        ["words of programs overwritten as the server saved", *(str(side["overwritten"]) for side in sides)],
        ["longest stop that was asked for, s", *(f"{side['longest_stop']:.1f}" for side in sides)],
        ["files that could not be opened", *(", ".join(side["unopened"]) or "none" for side in sides)],
    ]
    where = "; ".join(f"{what}: {value}" for what, value in seen["circumstances"].items())
    return [*table(["", "jupyter-collaboration alone", "with this collection"], rows), "", where]


TABLES: dict[str, Callable[[Any], list[str]]] = {
    "faults": faults,
    "editing": editing,
    "soak": soak,
    "storm": storm,
}


def lines_of(what: str) -> list[str] | None:
    """The lines of a place, or None where nothing was seen."""
    kept = RESULTS / f"{what}.json"
    return TABLES[what](json.loads(kept.read_text())) if kept.exists() else None


def place(found: re.Match[str]) -> str:
    lines = lines_of(found[2])
    return found[0] if lines is None else found[1] + "\n".join((*lines, "")) + found[3]


def main() -> int:
    before = DOCUMENT.read_text()
    if "--check" in sys.argv:
        # A run of some of the tests has some of the rows.
        differing = [line for line in lines_of("faults") or [] if line not in before.splitlines()]
        print(
            *differing, "The document says something else; run make reliability." * bool(differing), sep="\n"
        )
        return 1 if differing else 0
    DOCUMENT.write_text(PLACE.sub(place, before))
    return 0


if __name__ == "__main__":
    sys.exit(main())
