# SPDX-License-Identifier: GPL-3.0-or-later
"""Report which packages an environment contains, and which requirements it does not meet.

The environment's own interpreter runs the source of this file (``python -I -c``). It may lack all packages, so this needs
only the standard library. It prints JSON on one line.
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
    """Return a class that parses requirements, from any package that has one or, as a last resort, the pip bundled with Python.

    Return None if there is none. This changes sys.path, which the caller must restore.
    """
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
    """Return the metadata fields of a distribution. Skipping the long description makes this ten times as fast."""
    text = next(filter(None, map(distribution.read_text, ("METADATA", "PKG-INFO", ""))), "")
    lines = text.partition("\n\n")[0].splitlines()
    return {part[0]: part[2].strip() for part in (line.partition(":") for line in lines)}


def distributions() -> Iterator[tuple[str, str, str, Distribution]]:
    """Yield folder, name, version and distribution. Of several with the same name, only the first counts, as in imports."""
    seen = set()
    for folder in sys.path:
        for distribution in importlib.metadata.distributions(path=[folder]):
            about = headers(distribution)
            name = canonical(about.get("Name", ""))
            if name and about.get("Version") and name not in seen:
                seen.add(name)
                yield folder, name, about["Version"], distribution


def origin(distribution: Distribution) -> str | None:
    """Return the URL that a distribution was installed from, or None if it came from an index."""
    about: dict[str, str] = json.loads(distribution.read_text("direct_url.json") or "{}")
    return about.get("url")


def met(text: str, found: Found, parse: Any, extra: str = "") -> bool:
    """Return whether a requirement is met, including those of its extras. Raises ValueError if it cannot be parsed.

    extra: the extra by which the requirement is needed, for its marker.
    """
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
    """Return the requirements that are not met, or that only the installer can check."""
    path = sys.path
    parse = parser()
    sys.path = path
    missing = []
    for text in requirements:
        known = False
        with contextlib.suppress(ValueError):  # a path or a URL
            known = parse is not None and met(text, found, parse)
        if not known:
            missing.append(text)
    return missing


def dependencies(found: Found, versions: dict[str, str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the requirements of every distribution, and for each of `versions`, the distributions that do not accept it."""
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
    """Return the folders with files of a distribution that may belong to it alone. Exclude folders that every environment has."""
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
    """Return what a killed installer leaves behind, which would make the next one fail: `dist-info` directories without
    metadata, and temporary `data` directories.
    """
    begun = [path for path in folder.glob("*.dist-info") if not (path / "METADATA").exists()]
    return [*begun, *folder.glob("*-*.data")]


def probe(requirements: list[str], leaving: dict[str, Any] | None = None) -> dict[str, Any]:
    """Describe this environment. See `environment.ask` for the arguments, and `environment.Environment` for the result."""
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
