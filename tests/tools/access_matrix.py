# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/reference/access.md from docs/access.yml.

access_matrix.py          write it
access_matrix.py --check  fail if it is out of date
"""

import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / ".cache/collections"))

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.access import (  # noqa: E402
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
    yield "<!-- Generated from docs/access.yml by `make docs`. -->\n"
    yield "# Who may do what\n"
    yield paragraph(
        "The tests try each cell below on a live hub and live servers, with JupyterHub 5 and 6, where servers are units of systemd. With "
        "JupyterHub 6, they also try it where servers are Slurm jobs, and containers of DockerSpawner. *Yes* means that the person can do it. "
        "*No* means that the hub or the server refuses because the person lacks the permission, while others can do it. The tests also "
        "compare every person's scopes with those listed here, and allow no more and no fewer."
    )
    yield "## The people\n"
    for name, person in access.people.items():
        yield f"- **{name}**: {person['is']}"
    yield "\nA dash means that no such person exists in this mode. Collaborators, guests and viewers are hub users, too.\n"
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
    held = [_listed(mode.rights["everyone"])] if mode.rights["everyone"] else []
    if viewed := mode.views.get("everyone"):
        held.append(f"{_listed(viewed)} at level `view`")
    rights = ", and ".join(held)
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


def _listed(scopes: list[str]) -> str:
    return ", ".join(f"`{scope}`" for scope in scopes)


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
