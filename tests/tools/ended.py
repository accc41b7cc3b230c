# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the table of what ends with a person's access into docs/explanation/security.md, from docs/ended.yml, which the tests check.

ended.py          write it
ended.py --check  fail if it is out of date
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/explanation/security.md"
PLACE = re.compile(r"(<!-- ended -->\n).*?(<!-- end -->)", re.S)


def table(told: dict[str, Any]) -> Iterator[str]:
    ways = told["ways"]
    yield f"| what the person has | {' | '.join(ways.values())} |"
    yield "|---|" + "---|" * len(ways)
    reasons = []
    for thing in told["things"].values():
        mark = ""
        if "why" in thing:
            reasons.append(f"{thing['is']}: {thing['why'].strip()}")
            mark = f" ({len(reasons)})"
        yield f"| {thing['is']}{mark} | {' | '.join(thing['ends'][way] for way in ways)} |"
    for thing in told["beyond"]:
        reasons.append(f"{thing['is']}: {thing['why'].strip()}")
        yield f"| {thing['is']} ({len(reasons)}) | {' | '.join([thing['ends']] * len(ways))} |"
    yield ""
    for number, reason in enumerate(reasons, 1):
        yield f"{number}. {reason}"


def main() -> int:
    told = yaml.safe_load((ROOT / "docs/ended.yml").read_text())
    before = DOCUMENT.read_text()
    after = PLACE.sub(lambda found: f"{found[1]}{chr(10).join(table(told))}\n{found[2]}", before)
    if "--check" not in sys.argv:
        DOCUMENT.write_text(after)
    elif after != before:
        print(
            "docs/explanation/security.md is not up to date with docs/ended.yml. Run make docs",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
