# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tables in docs/reference/variables.md from the roles' argument_specs.

    variables.py          write them
    variables.py --check  fail if the page is out of date

The page marks the place of each table with `<!-- variables: ROLE -->` and `<!-- end -->`. If a role has several tables, each place also names
the first words of its variables: `<!-- variables: ROLE WORDS... -->`. A variable that is in no table, or in two, is an error.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/reference/variables.md"
PLACE = re.compile(r"(<!-- variables: ([\w ]+) -->\n).*?(<!-- end -->)", re.S)
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


def options(role: str) -> dict[str, Any]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    found: dict[str, Any] = specs["argument_specs"]["main"]["options"]
    return found


def chosen(place: str) -> dict[str, Any]:
    """Return the variables of a place, which is a role with the first words of its variables."""
    role, *words = place.split()
    return {
        name: option
        for name, option in options(role).items()
        if not words or any(name == word or name.startswith(f"{word}_") for word in words)
    }


def table(place: str) -> str:
    head = ["| variable | type | default | description |", "|---|---|---|---|"]
    return "\n".join([*head, *rows(chosen(place))]) + "\n"


def main() -> int:
    before = DOCUMENT.read_text()
    after = PLACE.sub(lambda found: found[1] + table(found[2]) + found[3], before)
    there = Counter(name for found in PLACE.finditer(before) for name in chosen(found[2]))
    wanted = [
        name
        for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml"))
        for name in options(path.parts[-3])
    ]
    if wrong := [name for name in wanted if there[name] != 1]:
        print(f"{DOCUMENT.name} must have each of these variables once: {', '.join(wrong)}", file=sys.stderr)
        return 1
    if "--check" not in sys.argv:
        DOCUMENT.write_text(after)
    elif after != before:
        print(f"{DOCUMENT.name} is not up to date with the roles. Run make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
