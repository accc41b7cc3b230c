# SPDX-License-Identifier: GPL-3.0-or-later
"""Asked of an environment, by its own interpreter: what is in it, and which requirements it does not meet.

This file is run as text (``python -I -c``) by an interpreter that may lack every package, so it needs nothing
but the standard library, and answers in JSON on one line.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.metadata
import json
import os
import re
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Distribution = importlib.metadata.Distribution
    Found = dict[str, Distribution]

WHEELS = (Path(os.__file__).parent / "ensurepip" / "_bundled", Path("/usr/share/python-wheels"))


def parser() -> Any:
    """The class that understands requirements, from wherever there is one: in the last resort Python's own pip."""
    wheels = [str(wheel) for folder in WHEELS for wheel in folder.glob("pip-*.whl")]
    path = sys.path
    for place in ([], *([wheel] for wheel in wheels)):
        sys.path = [*path, *place]
        for module in ("packaging.requirements", "pip._vendor.packaging.requirements"):
            with contextlib.suppress(ImportError):
                return importlib.import_module(module).Requirement
    return None


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def headers(distribution: Distribution) -> dict[str, str]:
    """Name and version, without parsing the page of prose that follows them: ten times as fast."""
    text = next(filter(None, map(distribution.read_text, ("METADATA", "PKG-INFO", ""))), "")
    lines = text.partition("\n\n")[0].splitlines()
    return {part[0]: part[2].strip() for part in (line.partition(":") for line in lines)}


def distributions() -> Iterator[tuple[str, str, str, Distribution]]:
    """Folder, name, version and the distribution; of two with one name the first counts, as in an import."""
    seen = set()
    for folder in sys.path:
        for distribution in importlib.metadata.distributions(path=[folder]):
            about = headers(distribution)
            name = canonical(about.get("Name", ""))
            if name and about.get("Version") and name not in seen:
                seen.add(name)
                yield folder, name, about["Version"], distribution


def origin(distribution: Distribution) -> str | None:
    """The address it was installed from, where that was not an index."""
    about: dict[str, str] = json.loads(distribution.read_text("direct_url.json") or "{}")
    return about.get("url")


def met(text: str, found: Found, parse: Any, extra: str = "") -> bool:
    requirement = parse(text)
    if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
        return True
    distribution = found.get(canonical(requirement.name))
    if distribution is None:
        return False
    if requirement.url and requirement.url != origin(distribution):
        return False
    return requirement.specifier.contains(distribution.version, prereleases=True) and all(
        met(needed, found, parse, wanted)
        for wanted in requirement.extras
        for needed in distribution.requires or []
        if "extra" in needed
    )


def unmet(requirements: list[str], found: Found) -> list[str]:
    """The requirements that are not met, and those of which only the installer can tell."""
    path = sys.path
    parse = parser()
    sys.path = path
    missing = []
    for text in requirements:
        known = False
        with contextlib.suppress(ValueError):  # a path, or an address
            known = parse is not None and met(text, found, parse)
        if not known:
            missing.append(text)
    return missing


def dependencies(found: Found, versions: dict[str, str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What every distribution requires, and of these versions those that some would not accept, each with who."""
    path = sys.path
    parse = parser()
    sys.path = path
    required = {name: [parse(text) for text in each.requires or []] for name, each in found.items()}
    extras: dict[str, set[str]] = {name: {""} for name in found}
    for lines in required.values():
        for line in lines:
            extras.setdefault(canonical(line.name), {""}).update(line.extras)
    needs: dict[str, list[str]] = {name: [] for name in found}
    unfit: dict[str, list[str]] = {}
    for name, lines in required.items():
        for line in lines:
            needed = canonical(line.name)
            if line.marker and not any(line.marker.evaluate({"extra": extra}) for extra in extras[name]):
                continue
            needs[name].append(needed)
            if needed in versions and not line.specifier.contains(versions[needed], prereleases=True):
                unfit.setdefault(needed, []).append(name)
    return needs, unfit


def folders(distribution: Distribution) -> set[str]:
    """The folders that hold its files and may be its alone; not those that every environment has."""
    paths = sysconfig.get_paths()
    roots = {paths["purelib"], paths["platlib"], *(f"{paths['data']}/{name}" for name in ("etc", "share"))}
    found = set()
    for file in distribution.files or []:
        folder = Path(os.path.normpath(str(distribution.locate_file(file)))).parent
        for inner in (folder, *folder.parents):
            if roots & {str(outer) for outer in inner.parents}:
                found.add(str(inner))
    return found


def fragments(folder: Path) -> list[Path]:
    """What an installer that is killed leaves, and the next one stumbles over: descriptions without the description,
    and places that are there for a moment only.
    """
    begun = [path for path in folder.glob("*.dist-info") if not (path / "METADATA").exists()]
    return [*begun, *folder.glob("*-*.data")]


def probe(requirements: list[str], leaving: dict[str, Any] | None = None) -> dict[str, Any]:
    own = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    rows = list(distributions())
    found = {row[1]: row[3] for row in rows}
    needs, unfit = dependencies(found, leaving["versions"]) if leaving else ({}, {})
    names = found.keys() & {*leaving["names"]} if leaving else ()
    return {
        "needs": needs,
        "unfit": unfit,
        "folders": sorted({folder for name in names for folder in folders(found[name])}),
        "prefix": sys.prefix,
        "packages": {row[1]: row[2] for row in rows},
        "unmet": unmet(requirements, found),
        # Distributions that come from somewhere else, such as the system's package manager.
        "foreign": [row[1] for row in rows if Path(row[0]).resolve() not in own],
        "fragments": [str(path) for folder in sorted(own) for path in fragments(folder)],
        "pip": importlib.machinery.PathFinder.find_spec("pip") is not None,
        "externally_managed": sys.prefix == sys.base_prefix
        and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe(*map(json.loads, sys.argv[1:]))))
