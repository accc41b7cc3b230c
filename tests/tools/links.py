# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where a link in a document leads to no file of this checkout, or to no heading there."""

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)#?([^)]*)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)


def broken(document: Path) -> Iterator[str]:
    """Yield where the links of a document lead that lead nowhere."""
    for target, anchor in LINK.findall(CODE.sub("", document.read_text())):
        path = document.parent / target if target else document
        if not path.exists():
            yield target
        elif anchor and anchor not in anchors(path):
            yield f"{target}#{anchor}"


@cache
def anchors(path: Path) -> set[str]:
    """Return what the headings of a document are called in links."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def main() -> int:
    problems = [
        f"{document.relative_to(ROOT)}: leads nowhere: {target}"
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")]
        for target in broken(document)
    ]
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
