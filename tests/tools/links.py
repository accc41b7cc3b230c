# SPDX-License-Identifier: GPL-3.0-or-later
"""Fail if the documents contain links to files or headings that do not exist.

links.py             check this checkout
links.py DIRECTORY   check an archive that was unpacked into this directory
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Pages that link to tests and measurements, which only a checkout has.
EVIDENCE = {"docs/reference/benchmarks.md", "docs/reference/promises.md"}
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)#?([^)]*)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)


def broken(document: Path) -> Iterator[str]:
    """Yield the targets of a document's broken links."""
    for target, anchor in LINK.findall(CODE.sub("", document.read_text())):
        path = document.parent / target if target else document
        if not path.exists():
            yield target
        elif anchor and anchor not in anchors(path):
            yield f"{target}#{anchor}"


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub forms them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def main() -> int:
    root = Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT
    documents = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("roles/*/README.md")]
    if root != ROOT:
        documents = [document for document in documents if str(document.relative_to(root)) not in EVIDENCE]
    problems = [
        f"{document.relative_to(root)}: broken link: {target}"
        for document in documents
        for target in broken(document)
    ]
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
