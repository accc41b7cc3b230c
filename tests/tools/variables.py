# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables of variables into the documents, from the roles' argument_specs.

    variables.py          writes them
    variables.py --check  fails where a document is not as it would be written

A document marks the place with `<!-- variables: ROLE -->` and `<!-- end -->`.
"""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "docs/reference/variables.md",
    "docs/how-to/hub.md",
    "docs/how-to/projects.md",
    "docs/how-to/sharing-admin.md",
    "docs/how-to/verify.md",
)
PLACE = re.compile(r"(<!-- variables: (\w+) -->\n).*?(<!-- end -->)", re.S)
# Ansible's markup: V(value), O(option), C(code)
MARKUP = re.compile(r"\b[VOC]\(([^)]*)\)")


def words(option: dict[str, Any]) -> str:
    """The description in one line of Markdown."""
    description = option["description"]
    text = " ".join([description] if isinstance(description, str) else description)
    return MARKUP.sub(r"`\1`", text).replace("|", "\\|")


def default(option: dict[str, Any]) -> str:
    """The default as one writes it in YAML."""
    value = option.get("default", "")
    if value in ("", [], {}):
        return "none"
    return f"`{yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix(chr(10)).removesuffix('...').strip()}`"


def table(role: str) -> str:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    rows = ["| variable | type | default | what it means |", "|---|---|---|---|"]
    for name, option in specs["argument_specs"]["main"]["options"].items():
        rows.append(f"| `{name}` | {option['type']} | {default(option)} | {words(option)} |")
    return "\n".join(rows) + "\n"


def main() -> int:
    stale = []
    for name in DOCUMENTS:
        path = ROOT / name
        before = path.read_text()
        after = PLACE.sub(lambda found: found[1] + table(found[2]) + found[3], before)
        if after != before:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(after)
    if stale and "--check" in sys.argv:
        print(
            f"{', '.join(stale)}: the tables of variables are not those of the roles; run make docs",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
