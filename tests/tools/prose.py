# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where text is misspelled, uses a word that words.txt rules out, or has a sentence that is too long.

It extracts what people read from the files of this checkout: Markdown, YAML, templates, scripts, and the comments, docstrings and
messages of Python. codespell then checks the words, with its own dictionaries and with words.txt.
"""

import ast
import io
import itertools
import re
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORDS = Path(__file__).with_name("words.txt")
COPY = ".prose"  # the ending of what codespell gets
LONGEST = 35  # words in a sentence
TYPES = {
    ".py",
    ".md",
    ".rst",
    ".yml",
    ".yaml",
    ".j2",
    ".html",
    ".js",
    ".cjs",
    ".ts",
    ".sh",
    ".toml",
    ".txt",
    "",
}
# Written by others, or by a program from texts that are checked already.
SKIPPED = (
    "LICENSE",
    "CHANGELOG.rst",
    "changelogs/changelog.yaml",
    "changelogs/.plugin-cache.yaml",
    "tests/tools/words.txt",
)
# What people read as a name and not as words: code spans, Ansible's markup, paths, variables, options, addresses.
CODE = re.compile(
    r"```.*?```|``[^`]+``|`[^`\n]*`|\b[CVOEPR]\([^)]*\)|\{\{.*?\}\}|\{%.*?%\}|<[^>\n]+>|\]\([^)\s]*\)|\S*\w[/_@=]\w*\S*|\b\w+\.\w+\S*|(?<!\w)--?\w\S*",
    re.S,
)
# Where a paragraph ends although no empty line follows it: list items, headings, table rows, keys.
BREAK = re.compile(r"\s*([-*+|#>] |\d+\. |[\w. \"'-]+:\s|\||[A-Z][\w.]*:$|\.\. |:\w+:|<)")
SENTENCE = re.compile(r"[.!?:;][\"')\]*]*\s|\s{2,}|\|")
WORD = re.compile(r"(?!X\b)\w[\w'-]*")

Paragraph = tuple[int, str]  # the line that it begins on, and its text on one line


def vocabulary() -> dict[str, str]:
    """Return what we do not write, in every form, and what codespell says about it."""
    words = {}
    for line in WORDS.read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, _, advice = line.partition("->")
            choices = [part.split(",") for part in re.split(r"[{}]", pattern)]
            words |= {"".join(form): advice for form in itertools.product(*choices)}
    return words


def paragraphs(path: Path) -> Iterator[Paragraph]:
    """Yield the text of a file that people read."""
    text = path.read_text()
    if path.suffix == ".py":
        for line, part in python_text(text):
            yield from prose(part, line)
    else:
        yield from prose(text, 1, "#" if path.suffix not in {".md", ".rst", ".html"} else "")


def python_text(source: str) -> Iterator[Paragraph]:
    """Yield the comments of a Python file, joined where they follow each other, and its texts of more than one word."""
    block, begin, last = list[str](), 0, -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, alone = token.start[0], not token.line[: token.start[1]].strip()
            if block and not (alone and line == last + 1):
                yield begin, "\n".join(block)
                block = []
            block, begin, last = (
                [*block, token.string.lstrip("# ")],
                begin if block else line,
                line if alone else -1,
            )
    if block:
        yield begin, "\n".join(block)
    inside = set[int]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            text = "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield node.lineno, text


def prose(text: str, line: int, comment: str = "") -> Iterator[Paragraph]:
    """Yield the paragraphs of a text without what is code, each on one line."""
    # As many lines as before, so that each keeps its number.
    text = CODE.sub(lambda code: ("|" if code[0].startswith("<") else "X") + "\n" * code[0].count("\n"), text)
    block, begin = list[str](), line
    for number, row in enumerate([*text.split("\n"), ""], line):
        content = row.strip()
        if comment and content.startswith(comment):
            content = content.lstrip(comment + " ")
        if block and (not content or BREAK.match(row)):
            yield begin, " ".join(block)
            block = []
        if content:
            block, begin = [*block, content], begin if block else number


def misspelled(found: dict[str, list[Paragraph]]) -> Iterator[str]:
    """Yield what codespell has to say: each paragraph is a line of its own in a file of the same name."""
    words = vocabulary()
    forms = "|".join(re.escape(form) for form in sorted(words, key=len, reverse=True))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / ".words").write_text("".join(f"{form}->{advice}\n" for form, advice in words.items()))
        # No name that codespell takes for its own settings.
        for path, parts in found.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / f"{path}{COPY}").write_text("".join(f"{text}\n" for _, text in parts), errors="replace")
        regex = rf"(?i:\b(?:{forms})\b(?![-']\w))|[\w'-]+"
        command = [
            "codespell",
            "--regex",
            regex,
            "--dictionary",
            "-",
            "--dictionary",
            ".words",
            "--builtin",
            "clear,rare",
            "--check-hidden",
            "--skip",
            ".words",
            ".",
        ]
        answer = subprocess.run(command, cwd=place, check=False, capture_output=True, text=True)
        if answer.stderr.strip() or answer.returncode not in {0, 65}:
            yield f"codespell: {answer.stderr.strip() or answer.returncode}"
    for row in answer.stdout.splitlines():
        place, number, says = row.split(":", 2)
        path = place.removeprefix("./").removesuffix(COPY)
        line, text = found[path][int(number) - 1]
        yield f"{path}:{line}:{says}   [{text[:150]}]"


def too_long(found: dict[str, list[Paragraph]]) -> Iterator[str]:
    """Yield sentences of more words than a reader keeps in mind."""
    for path, parts in found.items():
        for line, text in parts:
            for sentence in SENTENCE.split(text):
                if (count := len(WORD.findall(sentence))) > LONGEST:
                    yield f"{path}:{line}: {count} words in a sentence, and {LONGEST} are the limit   [{sentence[:150]}]"


def main() -> int:
    names = (
        sys.argv[1:]
        or subprocess.run(
            ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.splitlines()
    )
    files = [
        name
        for name in names
        if Path(name).suffix in TYPES and not name.startswith(SKIPPED) and (ROOT / name).is_file()
    ]
    found = {name: list(paragraphs(ROOT / name)) for name in files}
    problems = [*misspelled(found), *too_long(found)]
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
