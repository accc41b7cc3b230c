# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/reference/access.md from docs/access.yml.

access_matrix.py          writes it
access_matrix.py --check  fails where it is not as it would be written
"""

import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / ".cache/collections"))

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.access import (  # noqa: E402
    Access,
    Cell,
    Mode,
    load,
)

DOCUMENT = ROOT / "docs/reference/access.md"
WIDTH = 125
SERVERS = {
    "hub": "the hub itself",
    "shared": "the shared server",
    "project-rain": "the server of the project `rain`",
    "alice": "another user's server (alice's)",
}
WORDS = {True: "yes", False: "no", None: "–"}  # noqa: RUF001


def document(access: Access) -> Iterator[str]:
    yield "<!-- Made from docs/access.yml by `make docs`. -->\n"
    yield "# Who may do what\n"
    yield paragraph(
        "The tests ask a live hub and live servers for each cell below, on JupyterHub 5 and 6. *Yes* means that the person does it. *No* means "
        "that the hub or the server refuses because the person has no right to do it, while others can do the same. The tests also "
        "ask for every person's scopes: they are the ones listed here, no more and no less."
    )
    yield "## The people\n"
    for name, person in access.people.items():
        yield f"- **{name}**: {person['is']}"
    yield "\nA dash means that there is no such person. Collaborators and guests are hub users, too.\n"
    yield "## What they do\n"
    yield "| | |\n|---|---|"
    for action, sentence in access.actions.items():
        yield f"| {action} | {sentence} |"
    for mode in access.modes:
        yield from section(mode, access)
    yield "\n## Notes\n"
    for number, sentence in enumerate(access.notes.values(), 1):
        yield textwrap.fill(f"{number}. {sentence.strip()}", WIDTH, subsequent_indent="   ")


def section(mode: Mode, access: Access) -> Iterator[str]:
    yield f"\n## {mode.name[0].upper()}{mode.name[1:]}\n"
    rights = ", ".join(f"`{scope}`" for scope in mode.rights["everyone"])
    yield paragraph(
        f"{mode.sentence.strip()} In addition to JupyterHub's own scopes, every hub user holds {rights}."
    )
    yield f"| | {' | '.join(mode.columns)} |"
    yield "|---|" + "---|" * len(mode.columns)
    notes = list(access.notes)
    for server, cells in mode.servers.items():
        yield f"| **{SERVERS[server]}** |" + " |" * len(mode.columns)
        for action, row in groupby(cells, lambda cell: cell.action):
            yield f"| {action} | {' | '.join(word(cell, notes) for cell in row)} |"


def paragraph(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False) + "\n"


def word(cell: Cell, notes: list[str]) -> str:
    said = WORDS[cell.may]
    return f"{said} [{notes.index(cell.note) + 1}](#notes)" if cell.note else said


def main() -> int:
    text = "\n".join(document(load())) + "\n"
    if "--check" not in sys.argv:
        DOCUMENT.write_text(text)
    elif not DOCUMENT.exists() or DOCUMENT.read_text() != text:
        print(
            "docs/reference/access.md is not up to date with docs/access.yml. Run make docs", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
