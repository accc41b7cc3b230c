# SPDX-License-Identifier: GPL-3.0-or-later
"""Fail if text is misspelled, uses a word that words.txt rules out, or has a sentence that is too long.

    prose.py            check every file of this checkout
    prose.py PATH...    check only these files

It extracts what people read: Markdown, YAML, templates and scripts, and the comments, docstrings and messages of Python. codespell
then checks the words with its own dictionaries and words.txt.
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
LONGEST = 35  # words in a sentence
TYPES = {
    "",
    ".cjs",
    ".html",
    ".j2",
    ".js",
    ".md",
    ".mjs",
    ".py",
    ".rst",
    ".sh",
    ".toml",
    ".ts",
    ".tsx",
    ".txt",
    ".yaml",
    ".yml",
}
# Written by others, generated, or the vocabulary.
SKIPPED = (
    "LICENSE",
    "changelogs/.plugin-cache.yaml",
    "python/LICENSE",
    "python/jupyterhub_collab/server/labextensions/",
    "tests/tools/words.txt",
)
DICTIONARIES = "clear,rare,en-GB_to_en-US"
# A table and a column of the document history have this name.
IGNORED = "colour,colours"
# Names, not prose: code spans, Ansible's markup, Jinja, tags, link targets, paths, variables, options, dotted names.
CODE = re.compile(
    r"```.*?```|``[^`]+``|`[^`\n]*`|\b[CVOEPR]\([^)]*\)|\{\{.*?\}\}|\{%.*?%\}|<[^>\n]+>|\]\([^)\s]*\)"
    r"|[^\s()\[\]]*\w[/_@=](?:[^\s()\[\]]*[\w/])?|\b\w+\.\w(?:[^\s()\[\]]*\w)?|(?<!\w)--?\w[\w=-]*",
    re.S,
)
# A line that begins a new paragraph without an empty line before it: a list item, heading, table row, key or directive.
BREAK = re.compile(r"\s*([-*+|#>] |\d+\. |[\w. \"'-]+:\s|\||[A-Z][\w.]*:$|\.\. |:\w+:|<)")
SENTENCE = re.compile(r"[.!?:;][\"')\]*]*\s|\s{2,}|\||\s=\s")
WORD = re.compile(r"(?!X\b)\w[\w'-]*")
COPY = ".prose"  # suffix of the files for codespell, which must take none of them for its configuration
MOST = 150  # characters of a paragraph in a message

Paragraph = tuple[int, str]  # the line on which it begins, and its text on one line


def vocabulary() -> dict[str, str]:
    """Return all forms of the words to avoid, with codespell's advice for each."""
    words = dict[str, str]()
    for line in WORDS.read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, _, advice = line.partition("->")
            choices = [part.split(",") for part in re.split(r"[{}]", pattern)]
            words |= {"".join(form): advice for form in itertools.product(*choices)}
    return words


def paragraphs(path: Path) -> Iterator[Paragraph]:
    """Yield the paragraphs of a file that people read."""
    text = path.read_text()
    if path.suffix == ".py":
        for line, part in [*comments(text), *strings(text)]:
            yield from prose(part, line)
    else:
        yield from prose(text, 1, "" if path.suffix in {".html", ".md", ".rst"} else "#")


def comments(source: str) -> Iterator[Paragraph]:
    """Yield the comments of a Python file. Those on consecutive lines are one text."""
    block, begin, last = list[str](), 0, -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, alone = token.start[0], not token.line[: token.start[1]].strip()
        if block and not (alone and line == last + 1):
            yield begin, "\n".join(block)
            block = []
        begin = begin if block else line
        block, last = [*block, token.string.lstrip("# ")], line if alone else -1
    if block:
        yield begin, "\n".join(block)


def strings(source: str) -> Iterator[Paragraph]:
    """Yield the docstrings and other strings of more than one word of a Python file, with X for the fields of f-strings."""
    parts = set[int]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts |= {id(part) for part in node.values}
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield node.lineno, text


def prose(text: str, line: int, comment: str = "") -> Iterator[Paragraph]:
    """Yield the paragraphs of a text, without code."""
    # The number of lines stays the same.
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
            begin = begin if block else number
            block = [*block, content]


def misspelled(found: dict[str, list[Paragraph]]) -> Iterator[str]:
    """Yield codespell's findings. It gets a copy of each file with one paragraph per line."""
    words = vocabulary()
    # A form may consist of several words.
    forms = "|".join(re.escape(form) for form in sorted(words, key=len, reverse=True))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / ".words").write_text("".join(f"{form}->{advice}\n" for form, advice in words.items()))
        for path, texts in found.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            # A test may contain half of a surrogate pair.
            (place / f"{path}{COPY}").write_text("".join(f"{text}\n" for _, text in texts), errors="replace")
        answer = subprocess.run(
            [
                *("codespell", "--check-hidden", "--skip", ".words"),
                *("--regex", rf"(?i:\b(?:{forms})\b(?![-']\w))|[\w'-]+"),
                *(
                    "--builtin",
                    DICTIONARIES,
                    "--dictionary",
                    "-",
                    "--dictionary",
                    ".words",
                    "--ignore-words-list",
                    IGNORED,
                ),
                ".",
            ],
            cwd=place,
            check=False,
            capture_output=True,
            text=True,
        )
    if answer.stderr.strip():
        raise SystemExit(f"codespell: {answer.stderr.strip()}")
    for row in answer.stdout.splitlines():
        copy, number, says = row.split(":", 2)
        path = copy.removeprefix("./").removesuffix(COPY)
        line, text = found[path][int(number) - 1]
        yield f"{path}:{line}:{says}   [{text[:MOST]}]"


def too_long(found: dict[str, list[Paragraph]]) -> Iterator[str]:
    """Yield sentences that have more words than readers remember."""
    for path, texts in found.items():
        for line, text in texts:
            for sentence in SENTENCE.split(text):
                if (count := len(WORD.findall(sentence))) > LONGEST:
                    yield f"{path}:{line}: {count} words in a sentence, at most {LONGEST} are allowed   [{sentence[:MOST]}]"


def main() -> int:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    names = sys.argv[1:] or tracked.stdout.splitlines()
    files = [ROOT / name for name in names if Path(name).suffix in TYPES and not name.startswith(SKIPPED)]
    found = {str(path.relative_to(ROOT)): list(paragraphs(path)) for path in files if path.is_file()}
    problems = [*misspelled(found), *too_long(found)]
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
