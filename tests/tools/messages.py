# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the messages that the play, the hub and servers show when something is wrong, as Markdown, extracted from the code.

A message is a text with a space in it that the code

- raises with an exception or fails with (`fail_json`, `ansible.builtin.fail`, a row of verify's report);
- logs as a warning or an error;
- returns, yields or appends, if the name of the function or list says that it is about problems (`*_problems`, `warnings` and the like,
  see FINDERS), or if the text has the form of our errors: the problem, then a full stop or a colon, then the solution;
- defines as a constant that people read: a tuple of level and text, or a dict of sentences.

Placeholders are shown by the name of their variable, or as three dots if they have none.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "python/jupyterhub_collab"
PARTS = {
    "The play": ("roles/**/*", "playbooks/**/*", "plugins/**/*"),
    "The hub": (f"{PACKAGE}/hub/**/*", f"{PACKAGE}/patches/hub/*"),
    "Servers and their notices": (f"{PACKAGE}/server/**/*", f"{PACKAGE}/patches/server/*"),
    "The hub and its servers": (f"{PACKAGE}/*", f"{PACKAGE}/patches/*"),
    "The sharing page": (f"{PACKAGE}/sharing/*",),
    "Workspaces": (f"{PACKAGE}/workspaces/*",),
    "verify": (f"{PACKAGE}/verify/*",),
}
LEVELS = {"info", "warning", "error"}
# Names of functions and lists that report problems.
FINDERS = re.compile(r"problem|warning|hole")
SENTENCE = re.compile(r"[A-Z].* .* .*\.")
# Separates the problem from the solution.
WAY_OUT = re.compile(r": \S|\. [A-Z]")
CALLS = {
    "fail_json": "error",
    "failed": "error",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "critical": "error",
    "exception": "error",
    "exit": "error",
}
VARIABLE = re.compile(r"\bjupyter(?:hub)?_[a-z_]*[a-z]\b")
# Mark placeholders until they become Markdown.
OPEN, CLOSE = "\ue000", "\ue001"
FORMAT = re.compile(r"\{(\w*)[^{}]*\}|%\([^)]*\)\w|%[sdrg]")


@dataclass(frozen=True, order=True)
class Message:
    """A message, its level, and the file that contains it."""

    text: str
    level: str
    path: str


def fill(name: str) -> str:
    return f"{OPEN}{name.strip('_') or '…'}{CLOSE}"


def filled(node: ast.expr) -> str:
    """Return the placeholder for an expression in a message."""
    match node:
        case (
            ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name)))
        ):
            return fill(name)
        case ast.Call(func=ast.Name(id="str" | "repr" | "sorted" | "list"), args=[inner, *_]):
            return filled(inner)
        case ast.Call(func=ast.Attribute(attr="join"), args=[inner]) | ast.Starred(value=inner):
            return filled(inner)
    return fill("")


def texts(node: ast.expr | None, constants: dict[str, ast.expr]) -> list[str]:
    """Return the texts that an expression can have; a conditional has several."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            said = [""]
            for value in values:
                if isinstance(value, ast.FormattedValue):
                    more = texts(value.value, constants) or [filled(value.value)]
                else:
                    more = [str(value.value)] if isinstance(value, ast.Constant) else [""]
                said = [before + after for before in said for after in more]
            return said
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            after = texts(right, constants) or [filled(right)]
            return [first + second for first in texts(left, constants) for second in after]
        case ast.BinOp(left=left, op=ast.Mod()):
            return [formatted(text) for text in texts(left, constants)]
        case ast.Call(func=ast.Attribute(value=form, attr="format")):
            return [formatted(text) for text in texts(form, constants)]
        case ast.IfExp(body=first, orelse=second):
            return texts(first, constants) + texts(second, constants)
        case ast.Name(id=name) if name.isupper() and name in constants:
            return [formatted(text) for text in texts(constants[name], {})]
    return []


def formatted(text: str) -> str:
    return FORMAT.sub(lambda found: fill(found[1] or ""), text)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def own_constants(path: Path) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in tree(path).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def constants_of(path: Path) -> dict[str, ast.expr]:
    """Return the constants of a file, and those that it imports from its own package."""
    known: dict[str, ast.expr] = {}
    for node in tree(path).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            source = path.parents[node.level - 1].joinpath(*(node.module or "").split(".")).with_suffix(".py")
            if source.is_file():
                known |= own_constants(source)
    return known | own_constants(path)


def python_messages(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the level and the text of each message in a Python file."""
    constants = constants_of(path)
    for value in own_constants(path).values():
        yield from kept(value, constants)
    for node in ast.walk(tree(path)):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))):
                pass  # never shown
            case ast.Raise(exc=ast.Call(args=args, keywords=keywords)):
                yield from first("error", args + [word.value for word in keywords], constants)
            case ast.Call(func=ast.Attribute(attr=name, value=owner), args=args, keywords=keywords) if (
                name in CALLS
            ):
                logs = "log" in ast.unparse(owner).lower()
                if logs or name in ("fail_json", "warn", "failed", "exit") or "report" in ast.unparse(owner):
                    given = args + [word.value for word in keywords if word.arg == "msg"]
                    yield from first(CALLS[name], given, constants, is_format=logs)
            case ast.FunctionDef(name=name) if not name.endswith("_sentence"):  # those are of the report
                yield from collected(node, constants, FINDERS.search(name))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=given)) if FINDERS.search(name):
                yield from ((level_of(name), text) for each in given for text in sentences(each, constants))


def kept(value: ast.expr, constants: dict[str, ast.expr]) -> Iterator[tuple[str, str]]:
    """Yield the messages in the value of a constant."""
    match value:
        case ast.Tuple(elts=[ast.Constant(value=str(level)), text]) if level in LEVELS:
            yield from ((level, formatted(said)) for said in texts(text, constants))
        case ast.Constant(value=str(text)) if SENTENCE.fullmatch(text):
            yield "info", formatted(text)
        case ast.Dict(values=values):
            said = [text for each in values for text in texts(each, constants)]
            yield from (("info", formatted(text)) for text in said if SENTENCE.fullmatch(text))


def level_of(name: str) -> str:
    return "warning" if "warning" in name else "error"


def sentences(node: ast.expr | None, constants: dict[str, ast.expr]) -> list[str]:
    return [text for text in texts(node, constants) if text.count(" ") > 1]


def first(
    level: str, given: list[ast.expr], constants: dict[str, ast.expr], *, is_format: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield the messages in the first argument that contains one."""
    for argument in given:
        said = [text for text in texts(argument, constants) if " " in text]
        if said:
            yield from ((level, formatted(text) if is_format else text) for text in said)
            return


def collected(
    function: ast.FunctionDef, constants: dict[str, ast.expr], named: re.Match[str] | None
) -> Iterator[tuple[str, str]]:
    """Yield the texts that a function returns, yields or appends to report problems."""
    for node in ast.walk(function):
        level, is_named = level_of(function.name), bool(named)
        given: list[ast.expr]
        match node:
            case ast.Return(value=ast.List(elts=given)):
                pass
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                given = [value]
            case ast.Call(func=ast.Attribute(attr="append", value=target), args=given):
                level = level_of(f"{function.name} {ast.unparse(target)}")
                is_named = is_named or FINDERS.search(ast.unparse(target)) is not None
            case ast.ListComp(elt=element):
                given = [element]
            case _:
                continue
        for each in given:
            yield from (
                (level, text) for text in sentences(each, constants) if is_named or WAY_OUT.search(text)
            )


def role_messages(tasks: Any) -> Iterator[tuple[str, str]]:
    """Yield the messages with which tasks fail. A message that consists of a variable is found where the variable gets its text."""
    if isinstance(tasks, list):
        for each in tasks:
            yield from role_messages(each)
    elif isinstance(tasks, dict):
        for module in ("ansible.builtin.fail", "ansible.builtin.assert"):
            arguments = tasks.get(module, {})
            for text in (arguments.get("msg"), arguments.get("fail_msg")):
                said = re.sub(
                    r"\{\{(.*?)\}\}", lambda found: fill(jinja_name(found[1])), text or "", flags=re.S
                )
                if len(re.sub(f"{OPEN}.*?{CLOSE}", "", said).split()) > 3:
                    yield "error", said
        for block in ("block", "rescue", "always", "tasks", "pre_tasks"):
            yield from role_messages(tasks.get(block))


def jinja_name(expression: str) -> str:
    words = re.findall(r"[a-z_]\w*", expression.partition("|")[0])
    return words[-1] if words and "(" not in expression.partition("|")[0] else ""


def files(patterns: tuple[str, ...]) -> list[Path]:
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def all_messages(patterns: tuple[str, ...]) -> list[Message]:
    found: dict[tuple[str, str], Message] = {}
    for path in files(patterns):
        if path.suffix == ".py":
            said = python_messages(path)
        elif path.suffix == ".yml" and path.parent.name in ("tasks", "playbooks"):
            said = role_messages(yaml.safe_load(path.read_text()))
        else:
            continue
        for level, text in said:
            tidy = " ".join(text.split())
            found.setdefault((tidy, level), Message(tidy, level, str(path.relative_to(ROOT))))
    return sorted(found.values(), key=lambda message: re.sub(r"\W", "", message.text).lower())


def cell(text: str) -> str:
    """Format a text for a cell of a Markdown table, with placeholders in italics and our variables as code."""
    parts = re.split(f"({OPEN}.*?{CLOSE}|{VARIABLE.pattern})", text)
    return "".join(plain(part) if number % 2 == 0 else special(part) for number, part in enumerate(parts))


def plain(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]#$~])", r"\\\1", text)


def special(text: str) -> str:
    return f"*{plain(text.strip(OPEN + CLOSE))}*" if text.startswith(OPEN) else f"`{text}`"


def markdown() -> str:
    parts = []
    for title, patterns in PARTS.items():
        rows = ["| message | level | source |", "|---|---|---|"]
        for message in all_messages(patterns):
            link = f"[{Path(message.path).name}](../../{message.path})"
            rows.append(f"| {cell(message.text)} | {message.level} | {link} |")
        parts.append(f"## {title}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(markdown())
