# SPDX-License-Identifier: GPL-3.0-or-later
"""Asked of an environment, by its own interpreter: what is in it, and which requirements it does not meet.

This file is run as text (``python -I -c``) by an interpreter that may lack every package, so it needs nothing
but the standard library, and answers in JSON on one line.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import json
import re
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Found = dict[str, importlib.metadata.Distribution]


def parser() -> Any:
    """The class that understands requirements, from wherever there is one."""
    for module in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(module).Requirement
    return None


Requirement = parser()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def headers(distribution: importlib.metadata.Distribution) -> dict[str, str]:
    """Name and version, without parsing the page of prose that follows them: ten times as fast."""
    text = next(filter(None, map(distribution.read_text, ("METADATA", "PKG-INFO", ""))), "")
    lines = text.partition("\n\n")[0].splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def distributions() -> Iterator[tuple[str, str, str, importlib.metadata.Distribution]]:
    """Folder, name, version and the distribution; of two with one name the first counts, as in an import."""
    seen = set()
    for folder in sys.path:
        for distribution in importlib.metadata.distributions(path=[folder]):
            about = headers(distribution)
            name = canonical(about.get("Name", ""))
            if name and about.get("Version") and name not in seen:
                seen.add(name)
                yield folder, name, about["Version"], distribution


def origin(distribution: importlib.metadata.Distribution) -> str | None:
    """The address it was installed from, where that was not an index."""
    about: dict[str, str] = json.loads(distribution.read_text("direct_url.json") or "{}")
    return about.get("url")


def met(text: str, found: Found, extra: str = "") -> bool:
    if Requirement is None:
        # Without a parser only an exact pin can be told to be met.
        name, _, version = text.partition("==")
        distribution = found.get(canonical(name.strip()))
        return distribution is not None and distribution.version == version.strip()
    requirement = Requirement(text)
    if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
        return True
    distribution = found.get(canonical(requirement.name))
    if distribution is None:
        return False
    if requirement.url and requirement.url != origin(distribution):
        return False
    return requirement.specifier.contains(distribution.version, prereleases=True) and all(
        met(needed, found, wanted)
        for wanted in requirement.extras
        for needed in distribution.requires or []
        if "extra" in needed
    )


def unmet(requirements: list[str], found: Found) -> list[str]:
    missing = []
    for text in requirements:
        try:
            if met(text, found):
                continue
        except ValueError:  # a path or an address: only the installer can tell
            pass
        missing.append(text)
    return missing


def probe(requirements: list[str]) -> dict[str, Any]:
    own = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    rows = list(distributions())
    return {
        "prefix": sys.prefix,
        "packages": {name: version for _, name, version, _ in rows},
        "unmet": unmet(requirements, {name: distribution for _, name, _, distribution in rows}),
        # Distributions that come from somewhere else, such as the system's package manager.
        "foreign": [name for folder, name, *_ in rows if Path(folder).resolve() not in own],
        "pip": importlib.util.find_spec("pip") is not None,
        "externally_managed": sys.prefix == sys.base_prefix
        and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists(),
    }


if __name__ == "__main__":
    print(json.dumps(probe(json.loads(sys.argv[1]))))
