# SPDX-License-Identifier: GPL-3.0-or-later
"""Write which part of the code imports which into docs/explanation/architecture.md.

    imports.py          write it
    imports.py --check  fail if it is out of date, if modules import each other, or roles include each other, in a circle, or if a role
                        uses the private variables of another one

A module that only type checkers import does not count, nor does the package that contains an imported module.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/explanation/architecture.md"
PLACE = re.compile(r"(<!-- imports -->\n).*?(<!-- end -->)", re.S)
COLLECTION = "ansible_collections.collab.jupyterhub."
PRIVATE = re.compile(r"\b__([a-z]\w*)")
INCLUDES = re.compile(r"\b(?:include|import)_role$")
Graph = dict[str, set[str]]


def modules() -> dict[str, Path]:
    """Return our Python files by the name under which they are imported. Links are the files that they lead to."""
    found = {}
    for path in [*ROOT.glob("plugins/**/*.py"), *ROOT.glob("python/jupyterhub_collab/**/*.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[1:] if parts[0] == "python" else parts).removesuffix(".__init__")] = path
    return found


def imports(known: Mapping[str, Path]) -> Graph:
    """Return the modules that each module imports."""
    return {name: {*imported(name, path, known)} for name, path in known.items()}


def imported(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in run(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])]).removeprefix(COLLECTION)
            for each in node.names:
                one = f"{source}.{each.name}"
                if (target := one if one in known else source) in known and target != name:
                    yield target
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in known)


def run(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, without those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from run(node)


def roles() -> Graph:
    """Return the roles that each role includes or depends on."""
    found: Graph = {}
    for role in filter(Path.is_dir, ROOT.glob("roles/*")):
        texts = [path.read_text() for path in role.glob("*/*.yml")]
        names = {each.rpartition(".")[2] for text in texts for each in included(yaml.safe_load(text))}
        found[role.name] = names - {role.name}
    return found


def strangers() -> Iterator[str]:
    """Yield a sentence for each private variable of a role that another role uses. Names of such variables are `__` and the role's name."""
    places = sorted(filter(Path.is_dir, ROOT.glob("roles/*")))
    names = [place.name for place in places]
    for place in places:
        texts = [path.read_text() for path in place.glob("*/*") if path.suffix in (".yml", ".j2")]
        for variable in sorted({name for text in texts for name in PRIVATE.findall(text)}):
            owners = [name for name in names if variable.startswith(f"{name}_")]
            if owners and max(owners, key=len) != place.name:
                yield f"role {place.name} uses __{variable}, a private variable of role {max(owners, key=len)}: return it as data"


def included(value: object) -> Iterator[str]:
    """Yield the names of the roles that tasks include, at any depth, or that a role's metadata depends on."""
    if isinstance(value, list):
        for each in value:
            yield from included(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if INCLUDES.search(str(key)):
                yield each["name"]
            elif key == "dependencies":
                yield from (one if isinstance(one, str) else one.get("role", one.get("name")) for one in each)
            else:
                yield from included(each)


def circles(graph: Graph) -> list[tuple[str, ...]]:
    """Return the sets of parts that lead to each other, each in alphabetical order (the strongly connected components)."""
    reached = {name: reach(name, graph) for name in graph}
    found = {
        tuple(sorted({name, *(other for other in reached[name] if name in reached[other])}))
        for name in graph
        if name in reached[name]
    }
    return sorted(found)


def reach(start: str, graph: Graph) -> set[str]:
    found: set[str] = set()
    waiting = [*graph[start]]
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += graph.get(name, ())
    return found


def diagram(graph: Graph, known: Mapping[str, Path]) -> str:
    """Return the folders and their imports as a Mermaid diagram, without the files at the top of the Python package."""
    folders = {
        name: str(path.parent.relative_to(ROOT)).removeprefix("python/") for name, path in known.items()
    }
    edges = {(folders[name], folders[other]) for name, others in graph.items() for other in others}
    top = "jupyterhub_collab"
    shown = sorted((one, other) for one, other in edges if one != other and top not in (one, other))
    places = {"plugins": "controller and host", top: "hub and servers"}
    lines = ["```mermaid", "flowchart TD"]
    for place, title in places.items():
        lines.append(f'    subgraph {place}["{title}: {place}"]')
        names = sorted({name for edge in shown for name in edge if name.partition("/")[0] == place})
        lines += [f'        {ident(name)}["{name.partition("/")[2]}"]' for name in names]
        lines.append("    end")
    lines += [f"    {ident(one)} --> {ident(other)}" for one, other in shown]
    return "\n".join([*lines, "```", ""])


def ident(part: str) -> str:
    return part.replace("/", "_")


def main() -> int:
    known = modules()
    graph = imports(known)
    problems = [
        f"{', '.join(each)} form a circle: let one not need the others"
        for each in [*circles(graph), *circles(roles())]
    ]
    problems += strangers()
    before = DOCUMENT.read_text()
    after = PLACE.sub(lambda place: place[1] + diagram(graph, known) + place[2], before)
    if "--check" not in sys.argv:
        DOCUMENT.write_text(after)
    elif after != before:
        problems.append(f"{DOCUMENT.name} is not up to date with the code. Run make docs")
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
