# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tables in docs/reference/reliability.md, from the last runs on this machine.

    reliability.py          write them
    reliability.py --check  fail if the last run of the scenario `faults` differs from the document

`<!-- faults -->`   results of the scenario `faults`
`<!-- editing -->`  results of tests/benchmarks/record_editing.py
`<!-- soak -->`     results of tests/benchmarks/soak.py
`<!-- storm -->`    results of tests/benchmarks/storm.py

Each section ends with `<!-- end -->`. A section without results on this machine stays unchanged.
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
    "said": "message of the play",
    "hub": "hub afterwards",
    "people": "users' servers",
    "next": "next run",
}


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [line(head), line(["---"] * len(head)), *(line(row) for row in rows)]


def faults(seen: dict[str, dict[str, str]]) -> list[str]:
    """Return the table of faults."""
    rows = [[fault, *(row.get(column, "") for column in FAULTS)] for fault, row in seen.items()]
    return table(["fault", *FAULTS.values()], rows)


def editing(seen: dict[str, dict[str, Any]]) -> list[str]:
    """Return the table of events, and the test environment."""
    before, after = (seen.get(when, {}) for when in ("before", "after"))
    rows = [[what, *(outcome(side.get(what)) for side in (before, after))] for what in before | after]
    where = "; ".join(f"{what}: {value}" for what, value in seen.get("circumstances", {}).items())
    return [
        *table(["event", "jupyter-collaboration alone", "with this collection"], rows),
        "",
        where,
    ]


def outcome(row: dict[str, Any] | None) -> str:
    """Describe what happened to people's work; see `Row` in tests/support/editing/events.py."""
    if row is None:
        return ""
    losses = {"lost": "that others had seen", "own_lost": "that only the author had seen"}
    said = [
        f"{row[kind]} of {row['typed']} words lost {whose}" for kind, whose in losses.items() if row[kind]
    ]
    said = said or [f"none of {row['typed']} words lost"]
    if row["twice"]:
        said.append(f"{row['twice']} duplicated")
    if row["differ"]:
        said.append(f"{row['differ']} documents different between people and file")
    if row.get("outside"):
        said.append("text of another program lost")
    if row.get("aside"):
        said.append(
            f"{row['aside']} words kept in another file" + (", people notified" if row.get("told") else "")
        )
    if row["away"]:
        said.append(f"{row['away']} open tabs never came back")
    elif row["back"]:
        said.append(f"everyone back within {row['back']:.1f} s")
    if "stop" in row:
        said.append(f"stopping took up to {row['stop']:.1f} s")
    if "unsaved" in row:
        said.append(f"file not updated for up to {row['unsaved']:.1f} s")
    times = f" ({row['times']} times)" if row["times"] > 1 else ""
    return "; ".join(said) + times


def soak(seen: dict[str, Any]) -> list[str]:
    """Return a table of about ten samples from a long editing session, and the test environment."""
    head = [
        "minute",
        "server memory, MB",
        "state on disk, MB",
        "median delay until others see an edit, ms",
        "longest delay, ms",
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
    "lost": "words lost that others had seen or the file had contained",
    "doubled": "words duplicated",
    "needless": "unnecessary copies",
    "bytes": "unwanted changes to a file's bytes",
    "differ": "files that stayed different between people and disk",
    "reload": "tabs that could not resume with their content",
    "stop": "stops that took more than 10 s",
}


def storm(seen: dict[str, Any]) -> list[str]:
    """Return a table of what happened to both servers and which rules were broken, and the test environment."""
    sides = [seen[when] for when in ("before", "after")]

    def counted(numbers: dict[str, int]) -> str:
        return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items()))

    rows = [
        ["minutes", *(f"{side['seconds'] / 60:.0f}" for side in sides)],
        ["quiet moments with a full check", *(str(side["rounds"]) for side in sides)],
        ["changes by programs", *(counted(side["programs"]) for side in sides)],
        ["stops and kills", *(counted(side["stops"]) for side in sides)],
        ["words that count, of those typed", *(f"{side['counted']} of {side['typed']}" for side in sides)],
        *(
            [f"**{said}**", *(str(side["broken"].get(rule, 0)) for side in sides)]
            for rule, said in RULES.items()
        ),
        [
            "necessary copies",
            *(str(side["copies"] - side["broken"].get("needless", 0)) for side in sides),
        ],
        ["words lost that only their author had seen", *(str(side["own_lost"]) for side in sides)],
        ["words of programs overwritten by a save", *(str(side["overwritten"]) for side in sides)],
        ["longest requested stop, s", *(f"{side['longest_stop']:.1f}" for side in sides)],
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
    """Return the lines of a section, or None if this machine has no results for it."""
    kept = RESULTS / f"{what}.json"
    return TABLES[what](json.loads(kept.read_text())) if kept.exists() else None


def place(found: re.Match[str]) -> str:
    lines = lines_of(found[2])
    return found[0] if lines is None else found[1] + "\n".join((*lines, "")) + found[3]


def main() -> int:
    before = DOCUMENT.read_text()
    if "--check" in sys.argv:
        # A run of selected tests has only some of the rows.
        differing = [line for line in lines_of("faults") or [] if line not in before.splitlines()]
        print(
            *differing,
            "The document differs from this run. Run make reliability." * bool(differing),
            sep="\n",
        )
        return 1 if differing else 0
    DOCUMENT.write_text(PLACE.sub(place, before))
    return 0


if __name__ == "__main__":
    sys.exit(main())
