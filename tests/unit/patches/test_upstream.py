# SPDX-License-Identifier: GPL-3.0-or-later
"""What JupyterHub, Jupyter Server and jupyter-collaboration must keep for our patches, and that nothing else patches them."""

import ast
import importlib
import importlib.metadata
import inspect
import logging
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Application

import jupyterhub_collab
from jupyterhub_collab import patches
from jupyterhub_collab.patches import patch as declared
from jupyterhub_collab.patches.patch import PATCHES, fits

PACKAGE = Path(jupyterhub_collab.__file__).parent
MODULES = [each.name for each in pkgutil.walk_packages(patches.__path__, f"{patches.__name__}.")]
UPSTREAM = ("jupyter_", "jupyterhub.", "jupyterhub", "jupyterlab", "tornado")
# Runs by its path, and so imports nothing of the package. It patches tornado.
ALONE = PACKAGE / "hub/shared_port.py"
NEED = re.compile(r"([\w.]+):([\w.]+)(?:\((.*)\))?")

for module in MODULES:
    importlib.import_module(module)


@pytest.mark.parametrize(
    "need", [pytest.param(need, id=f"{name} {need}") for name, each in PATCHES.items() for need in each.needs]
)
def test_upstream_has_what_a_patch_needs(need: str) -> None:
    parts = NEED.fullmatch(need)
    assert parts, "write it as module:name or module:name(parameters)"
    found: Any = importlib.import_module(parts[1])
    for name in parts[2].split("."):
        found = getattr(found, name)
    if parts[3] is not None:
        known = inspect.signature(found).parameters
        wanted = parts[3].split(", ")
        assert [*known][: len(wanted)] == wanted


@pytest.mark.parametrize("name", PATCHES)
def test_installed_release_is_supported(name: str) -> None:
    try:
        version = importlib.metadata.version(PATCHES[name].of)
    except importlib.metadata.PackageNotFoundError:
        assert PATCHES[name].of == "jupyterlab-git", "the tests lack what this patches"
    else:
        assert fits(version, PATCHES[name].releases)


@pytest.mark.parametrize(
    "name",
    sorted(
        {name.removeprefix(f"{patches.__name__}.") for name in MODULES}
        - {"hub", "server", "patch", "releases"}
    ),
)
def test_each_module_activates_a_patch(name: str) -> None:
    assert [each for each in PATCHES if each.startswith(f"{name}.")]


@pytest.mark.parametrize(
    ("release", "fits_it"), [("5.0.0", True), ("6.1.1", True), ("4.1", False), ("7.0", False)]
)
def test_patch_says_so(
    release: str, fits_it: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It logs what it patches, and warns once if the release is older or newer than those that it was made for.

    The release is read once, because that takes long and delays the start of servers.
    """
    read: list[str] = []

    def version(name: str) -> str:
        read.append(name)
        return release

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(declared, "installed", cache(declared.installed.__wrapped__))
    monkeypatch.setattr(Application, "initialized", lambda: False)
    monkeypatch.setattr(declared, "_warned", set())
    monkeypatch.setattr(declared, "PATCHES", {})
    caplog.set_level(logging.DEBUG)
    for name in ("one", "two"):

        @declared.patches("jupyterhub", (("5.0", "7"),))
        def activate() -> str:
            return name  # noqa: B023

        assert activate() == name
    said = [record.getMessage() for record in caplog.records if record.levelname == "DEBUG"]
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2 and all(f"jupyterhub {release}" in each and "activate" in each for each in said)
    assert read == ["jupyterhub"]
    assert len(warned) == (0 if fits_it else 1)
    assert all(f"jupyterhub {release} is not supported" in each for each in warned)


def functions_set(tree: ast.Module) -> Iterator[str]:
    """Yield the assignments that change something imported from upstream, or replace a method of any object."""
    imported = {
        name.asname or name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
        if (getattr(node, "module", None) or name.name).startswith(UPSTREAM) and not getattr(node, "level", 0)
    }
    functions = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=owner)], value=value):
                is_method = isinstance(value, ast.Name) and value.id in functions and root(owner) != "self"
                if root(owner) in imported or is_method:
                    yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.Call(func=ast.Name(id="setattr")):
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.Call(func=ast.Attribute(value=ast.Attribute() as owner, attr="append")) if (
                root(owner) in imported
            ):
                yield f"line {node.lineno}: {ast.unparse(node)}"


def root(node: ast.expr) -> str:
    """Return the name at the beginning of `a.b.c`; empty if there is none."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=str(path.relative_to(PACKAGE)))
        for path in sorted(PACKAGE.rglob("*.py"))
        if PACKAGE / "patches" not in path.parents and path != ALONE
    ],
)
def test_nothing_else_patches(path: Path) -> None:
    assert [*functions_set(ast.parse(path.read_text()))] == []


def test_patches_are_found() -> None:
    """The search above would find those that there are."""
    for part in ("hub", "server"):
        for path in (PACKAGE / "patches" / part).glob("*.py"):
            if path.stem != "__init__":
                assert [*functions_set(ast.parse(path.read_text()))], path.name


def imports(path: Path) -> set[str]:
    """Return the modules of the package that a file imports, directly."""
    here = ("jupyterhub_collab", *path.relative_to(PACKAGE).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join([*here[: len(here) - node.level + 1], *filter(None, [node.module])])
            found |= {base, *(f"{base}.{name.name}" for name in node.names)}
    return found


@pytest.mark.parametrize(("part", "other"), [("server", "hub"), ("hub", "server")])
def test_hub_and_server_do_not_import_each_other(part: str, other: str) -> None:
    foreign = (f"jupyterhub_collab.{other}", f"jupyterhub_collab.patches.{other}")
    files = [*(PACKAGE / part).rglob("*.py"), *(PACKAGE / "patches" / part).rglob("*.py")]
    assert len(files) > 20
    for path in files:
        assert not [each for each in imports(path) if each.startswith(foreign)], path
