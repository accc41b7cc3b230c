# SPDX-License-Identifier: GPL-3.0-or-later
"""Fail if versions that are stated in several places disagree.

- `version_added` of plugins and roles is a release in the changelog or the version in galaxy.yml.
- The changelog lists each plugin under its `version_added`, and has no release after galaxy.yml's version.
- The package's distribution (`python/pyproject.toml`) and the JupyterLab extension in it have the collection's version.
- Collection, roles and test environment require the same oldest ansible-core, and it is the oldest that is tested.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from steps import ANSIBLE_CORE

ROOT = Path(__file__).parents[2]
ADDED = re.compile(r"""^( *)version_added: ["']?([^"'\s]+)""", re.M)


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def listed(releases: dict[str, Any]) -> dict[str, str]:
    """Return the release under which the changelog lists each new plugin, by kind and name."""
    return {
        f"{kind}/{plugin['name']}": version
        for version, release in releases.items()
        for kind, plugins in {"modules": release.get("modules", []), **release.get("plugins", {})}.items()
        for plugin in plugins
    }


def disagreeing_additions(version: str, releases: dict[str, Any]) -> Iterator[str]:
    known = {*releases, version}
    in_changelog = listed(releases)
    for path in sorted([*ROOT.glob("plugins/*/*.py"), *ROOT.glob("roles/*/meta/argument_specs.yml")]):
        name = path.relative_to(ROOT)
        added = ADDED.findall(path.read_text())
        for _, one in added:
            if one not in known:
                yield f"{name}: version_added {one} is neither a release in the changelog nor the version in galaxy.yml"
        if path.parent.name in ("modules", "filter", "lookup"):
            own = next((one for indent, one in added if not indent), None)
            if own is None:
                yield f"{name}: has no version_added"
            elif own in releases and in_changelog.get(f"{path.parent.name}/{path.stem}") != own:
                yield f"{name}: version_added is {own}, but the changelog does not list it under that release"


def disagreeing_ansible() -> Iterator[str]:
    oldest = min(ANSIBLE_CORE, key=number)
    newest = max(ANSIBLE_CORE, key=number)
    after = f"{number(newest)[0]}.{number(newest)[1] + 1}"
    said = {
        "meta/runtime.yml": (read("meta/runtime.yml")["requires_ansible"], f">={oldest}.0"),
        "tests/requirements.txt": (
            (ROOT / "tests/requirements.txt").read_text().partition("\nansible-core")[2].partition("\n")[0],
            f">={oldest},<{after}",
        ),
    }
    for role in sorted(ROOT.glob("roles/*/meta/main.yml")):
        path = str(role.relative_to(ROOT))
        said[path] = (read(path)["galaxy_info"]["min_ansible_version"], oldest)
    for path, (is_said, wanted) in said.items():
        if is_said != wanted:
            yield f"{path}: requires ansible-core {is_said}, but must require {wanted}, the oldest release that tests/tools/steps.py tests"


def main() -> int:
    version = read("galaxy.yml")["version"]
    releases = read("changelogs/changelog.yaml")["releases"]
    problems = [*disagreeing_additions(version, releases), *disagreeing_ansible()]
    others = {
        "python/pyproject.toml": tomllib.loads((ROOT / "python/pyproject.toml").read_text())["project"],
        "python/labextension/package.json": read("python/labextension/package.json"),
    }
    problems += [
        f"{name}: version is {other['version']}, but must be the collection's, {version}"
        for name, other in others.items()
        if other["version"] != version
    ]
    problems += [
        f"changelogs/changelog.yaml: release {release} comes after version {version} in galaxy.yml"
        for release in releases
        if number(release) > number(version)
    ]
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
