# SPDX-License-Identifier: GPL-3.0-or-later
"""Write into docs/reference/promises.md which tests cover each row.

promises.py                     write it
promises.py --check             fail if it is out of date
promises.py --without PATH...   fail also if a row has only long tests and tests in these files and folders

A test covers the rows that its docstring cites, as in "Requirement 12: ..." or "Requirements 3 to 5, 39 and B5". A module's
docstring covers rows for all tests in the file.
"""

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/reference/promises.md"
TESTS = ("tests/unit/**/test_*.py", "tests/browser/test_*.py", "molecule/*/test_*.py")
NUMBER = r"[BV]?\d+"
CITED = re.compile(rf"\brequirements?\s+({NUMBER}(?:(?:,? and|,| to)\s+{NUMBER})*)\b", re.I)
# Looks like a citation, but CITED does not match it.
MISSPELT = re.compile(rf"\brequirements?\b\W*{NUMBER}\b|\b[UESCBV]\d+\b", re.I)
TABLE = re.compile(r"\| \| (?:Promise|Wanted) \| (\w+) \|\n\|[-|]+\|\n((?:\|.*\n)+)")
ROW = re.compile(r"\| (\S+) \| (.*?) \| ?(.*?) ?\|$")
LONG = "pytest.mark.long"


@dataclass(frozen=True)
class Case:
    """A test that covers a row, or a file whose tests all cover it."""

    path: str
    test: str = ""
    is_long: bool = False  # only `make test-all` runs it

    def __str__(self) -> str:
        return f"{self.path} {self.test}".strip()


def numbers(text: str) -> list[str]:
    """Return the numbers of the rows that a docstring cites."""
    found = []
    for listed in CITED.findall(text):
        for first, last in re.findall(rf"({NUMBER})(?:\s+to\s+({NUMBER}))?", listed):
            kind = first.rstrip("0123456789")
            span = range(int(first[len(kind) :]), int((last or first)[len(kind) :]) + 1)
            found += [f"{kind}{number}" for number in span]
    return found


def cases(root: Path, problems: list[str]) -> dict[str, list[Case]]:
    """Return the tests that cover each row, by row number, and append problems with citations to `problems`."""
    found: dict[str, list[Case]] = defaultdict(list)
    for path in sorted(path for pattern in TESTS for path in root.glob(pattern)):
        name = str(path.relative_to(root))
        for test, docstring, is_long in docstrings(path):
            if MISSPELT.search(CITED.sub("", docstring)):
                problems.append(f"{name} {test}: write the rows that it covers as 'Requirements 3, 5 and B5'")
            cited = numbers(docstring)
            if cited and test and not test.startswith("test_"):
                problems.append(f"{name} {test}: is not a test, so it cannot cover requirements")
            for number in dict.fromkeys(cited):
                found[number].append(Case(name, test, is_long))
    return found


def docstrings(path: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield name, docstring and whether it is marked long, for a file (with an empty name) and each of its functions."""
    tree = ast.parse(path.read_text())
    marks = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign)]
    all_long = any(mark.startswith("pytestmark") and LONG in mark for mark in marks)
    yield "", ast.get_docstring(tree) or "", all_long
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            is_long = all_long or LONG in map(ast.unparse, node.decorator_list)
            yield node.name, ast.get_docstring(node) or "", is_long


def cell(found: list[Case]) -> str:
    """Return the cell that lists a row's tests, grouped by file."""
    files: dict[str, list[str]] = defaultdict(list)
    for case in found:
        files[case.path].append(case.test)
    parts = []
    for path, tests in files.items():
        link = f"[{label(path)}](../../{path})"
        parts.append(link if "" in tests else f"{link}: {', '.join(f'`{test}`' for test in tests)}")
    return "; ".join(parts)


def label(path: str) -> str:
    """Return the label of a test file: the scenario's name, or folder and module."""
    parts = Path(path).parts
    return parts[1] if parts[0] == "molecule" else f"{parts[1]}/{Path(path).stem.removeprefix('test_')}"


def write(text: str, found: dict[str, list[Case]], without: list[str], problems: list[str]) -> str:
    """Return the document with its column of tests updated, and append what is wrong to `problems`."""
    known: set[str] = set()

    def table(match: re.Match[str]) -> str:
        rows = []
        for line in match[2].splitlines():
            parsed = ROW.fullmatch(line)
            if not parsed:
                problems.append(f"a row needs a number, a promise and a third cell: {line}")
                continue
            number, promise, last = parsed.groups()
            if number in known:
                problems.append(f"{number} is listed twice")
            known.add(number)
            tests = found.get(number, [])
            if match[1] == "Tests":
                last = cell(tests)
                if not tests:
                    problems.append(f"no test covers promise {number}: {promise}")
                elif without and all(case.is_long or case.path.startswith(tuple(without)) for case in tests):
                    problems.append(
                        f"the only tests of {number} are long or in {', '.join(without)}: {promise}"
                    )
            elif tests:
                problems.append(f"{number} has a test, {tests[0]}: move it to the promises")
            rows.append(f"| {number} | {promise} | {last} |\n")
        return match[0].removesuffix(match[2]) + "".join(rows)

    after = TABLE.sub(table, text)
    for line in re.findall(rf"^\|? *{NUMBER} *\|.*", text, re.M):
        if not ROW.fullmatch(line) or ROW.fullmatch(line)[1] not in known:  # type: ignore[index]
            problems.append(f"this row is not in a table of promises: {line}")
    problems += [
        f"{number} is not listed, but {cited[0]} cites it"
        for number, cited in found.items()
        if number not in known
    ]
    return after


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--without", nargs="+", default=[])
    given = parser.parse_args()
    problems: list[str] = []
    before = DOCUMENT.read_text()
    after = write(before, cases(ROOT, problems), given.without, problems)
    if given.check and after != before:
        problems.append("the listed tests are out of date; run make docs")
    if not given.check:
        DOCUMENT.write_text(after)
    for problem in problems:
        print(f"docs/reference/promises.md: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
