# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the collection archive and print its path.

build_collection.py            from the checkout, uncommitted changes included, for tests
build_collection.py --release  from HEAD, with the project's URLs, for publication: `make release`

Fails if the archive contains a file that its users do not need, or lacks one that they do.
"""

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
# The only files that belong in an archive. `*` also matches `/`, as in build_ignore.
WANTED = (
    "CHANGELOG.rst",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "changelogs/changelog.yaml",
    "docs/*.md",
    "docs/access.yml",  # read by `verify`
    "docs/*.png",
    "docs/*.svg",
    "meta/*",
    "playbooks/*",
    "plugins/*",
    "python/*",
    "roles/*",
)
# What the collection needs to run: the archive must contain every file that git tracks here. It has what is built from the extension's source.
COMPLETE = (
    "LICENSE",
    "README.md",
    "meta",
    "playbooks",
    "plugins",
    "python",
    ":!python/labextension",
    "roles",
)
ADDRESSES = ("repository", "documentation", "homepage", "issues")
# Domains that are reserved for examples and tests (RFC 2606).
NOWHERE = re.compile(r"(^|\.)(example|example\.(com|net|org)|invalid|localhost|test)$")


def build(source: Path, into: Path) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        command = ["ansible-galaxy", "collection", "build", "--output-path", scratch, str(source)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        (archive,) = Path(scratch).glob("*.tar.gz")
        if problems := list(wrong_content(archive)):
            raise SystemExit("\n".join(problems))
        return archive.replace(into / archive.name)


def wrong_content(archive: Path) -> Iterator[str]:
    with tarfile.open(archive) as tar:
        files = {member.name for member in tar.getmembers() if not member.isdir()}
    for name in sorted(files):
        if "__pycache__" in name or not any(fnmatch(name, pattern) for pattern in WANTED):
            yield f"{name}: must not be in the archive; add it to build_ignore in galaxy.yml, or to WANTED in {Path(__file__).name}"
    for name in sorted(set(git("ls-files", *COMPLETE).splitlines()) - files):
        if (ROOT / name).exists():
            yield f"{name}: is missing from the archive; see build_ignore in galaxy.yml"


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def addresses() -> dict[str, str]:
    """Return the project's URLs from the environment. `HOMEPAGE` and `ISSUES` default to URLs below `REPOSITORY`."""
    given = {name: os.environ.get(name.upper(), "").rstrip("/") for name in ADDRESSES}
    given["homepage"] = given["homepage"] or given["repository"]
    given["issues"] = given["issues"] or (given["repository"] and given["repository"] + "/issues")
    for name, address in given.items():
        if not address:
            raise SystemExit(f"Set {name.upper()} to the address of the project's {name}.")
        parts = urlsplit(address)
        if (
            parts.scheme != "https"
            or "." not in (parts.hostname or "")
            or NOWHERE.search(parts.hostname or "")
        ):
            raise SystemExit(f"{name.upper()}={address}: must be an https:// address that anyone can open.")
    return given


def unready() -> Iterator[str]:
    """Yield what must be done before a release."""
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    if git("status", "--porcelain"):
        yield "Commit or remove your changes first: a release is built from HEAD."
    if version not in yaml.safe_load((ROOT / "changelogs/changelog.yaml").read_text())["releases"]:
        yield f"The changelog has no release {version}: run antsibull-changelog release."
    if list((ROOT / "changelogs/fragments").glob("*.y*ml")):
        yield "changelogs/fragments has unreleased changes: raise the version, then run antsibull-changelog release."


def release() -> Path:
    known = addresses()
    if problems := list(unready()):
        raise SystemExit("\n".join(problems))
    with tempfile.TemporaryDirectory(dir=CACHE) as source:
        files = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "--extract", f"--directory={source}"], input=files, check=True)
        galaxy = Path(source) / "galaxy.yml"
        text = galaxy.read_text()
        for name, address in known.items():
            text = re.sub(rf"^{name}:.*$", f"{name}: {address}", text, flags=re.M)
        galaxy.write_text(text)
        return build(Path(source), CACHE / "release")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--release", action="store_true", help="for publication")
    CACHE.mkdir(exist_ok=True)
    print(release() if parser.parse_args().release else build(ROOT, CACHE))


if __name__ == "__main__":
    main()
