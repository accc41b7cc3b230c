# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tables in docs/reference/variables.md from the roles' argument_specs.

    variables.py          write them
    variables.py --check  fail if the page is out of date

The page marks the place of each table with `<!-- variables: ROLE -->` and `<!-- end -->`. A role without a place is an error.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/reference/variables.md"
PLACE = re.compile(r"(<!-- variables: (\w+) -->\n).*?(<!-- end -->)", re.S)
# Ansible's markup: V(value), O(option), C(code)
MARKUP = re.compile(r"\b[VOC]\(([^)]*)\)")


def words(option: dict[str, Any]) -> str:
    """Return the description as one line of Markdown."""
    description = option["description"]
    text = " ".join([description] if isinstance(description, str) else description)
    return MARKUP.sub(r"`\1`", text).replace("|", "\\|")


def default(option: dict[str, Any]) -> str:
    """Return the default as YAML in Markdown, or `none` if it is missing or empty."""
    value = option.get("default", "")
    if value in ("", [], {}):
        return "none"
    return f"`{yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix(chr(10)).removesuffix('...').strip()}`"


def rows(options: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, option in options.items():
        otherwise = "required" if option.get("required") else default(option)
        yield f"| `{prefix}{name}` | {option['type']} | {otherwise} | {words(option)} |"
        inside = "[]." if option["type"] == "list" else "."
        yield from rows(option.get("options", {}), f"{prefix}{name}{inside}")


def table(role: str) -> str:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    head = ["| variable | type | default | description |", "|---|---|---|---|"]
    return "\n".join([*head, *rows(specs["argument_specs"]["main"]["options"])]) + "\n"


def main() -> int:
    before = DOCUMENT.read_text()
    after = PLACE.sub(lambda found: found[1] + table(found[2]) + found[3], before)
    missing = {path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml")}
    missing -= {found[2] for found in PLACE.finditer(before)}
    if missing:
        print(
            f"{DOCUMENT.name} has no section for the variables of {', '.join(sorted(missing))}",
            file=sys.stderr,
        )
        return 1
    if "--check" not in sys.argv:
        DOCUMENT.write_text(after)
    elif after != before:
        print(f"{DOCUMENT.name} is not up to date with the roles. Run make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
