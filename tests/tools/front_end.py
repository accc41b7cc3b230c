# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the JupyterLab extension from its source, python/labextension, into the package.

front_end.py          check and build the source, and replace what the package has
front_end.py --check  fail if the package has anything but what the source gives

A build takes seconds, and the packages that it needs are a large download. So the last build records a digest of the source and of its
result. While that digest is right, `--check` builds only in `make test-all`.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tiers import LONG

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "python/labextension"
PACKAGE = ROOT / "python/jupyterhub_collab/server/labextensions/@collab.jupyterhub/lab"
RECORD = SOURCE / "built.sha256"
# Builds run in a copy, because the builder empties the directory that it writes to, and others may be reading it.
COPY = ROOT / ".cache/labextension"
MODULES = "node_modules"  # also what an editor finds beside the source, if you link it there
Files = dict[str, bytes]


def files(directory: Path) -> Files:
    """Return the content of each file in a directory, without the packages that it needs."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and MODULES not in path.relative_to(directory).parts and path != RECORD
    }


def write(content: Files, into: Path) -> None:
    for name, each in content.items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(each)


def digest(source: Files, built: Files) -> str:
    """Return a digest of a source and what was built from it."""
    both = hashlib.sha256()
    for place in (source, built):
        for name, content in place.items():
            both.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        both.update(b"\n")
    return both.hexdigest()


def build(source: Files) -> Files:
    """Check a source, and return what JupyterLab's builder makes of it. Exits if anything is wrong with it."""
    COPY.mkdir(parents=True, exist_ok=True)
    for path in COPY.iterdir():
        if path.is_dir() and path.name != MODULES:
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
    write(source, COPY)
    install(source)
    for script in ("lint", "test", "build"):
        npm("run", "--silent", script)
    return files(COPY / "built")


def install(source: Files) -> None:
    """Install the packages that the lock file names, unless they are installed."""
    wanted = source["package.json"] + source["package-lock.json"]
    stamp = COPY / MODULES / ".wanted"
    if not stamp.is_file() or stamp.read_bytes() != wanted:
        npm("ci", f"--cache={ROOT / '.cache/npm'}")
        stamp.write_bytes(wanted)


def npm(*words: str) -> None:
    answer = subprocess.run(
        ["npm", *words], cwd=COPY, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if answer.returncode:
        sys.exit(f"{answer.stdout.decode()}\nnpm {' '.join(words)} failed in {COPY.relative_to(ROOT)}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    source, there = files(SOURCE), files(PACKAGE)
    is_recorded = RECORD.is_file() and RECORD.read_text().strip() == digest(source, there)
    if check and is_recorded and not LONG:
        return 0
    built = build(source)
    if not check:
        shutil.rmtree(PACKAGE, ignore_errors=True)
        write(built, PACKAGE)
        RECORD.write_text(digest(source, built) + "\n")
        return 0
    where, origin = PACKAGE.relative_to(ROOT), SOURCE.relative_to(ROOT)
    wrong = sorted({name for name, _content in built.items() ^ there.items()})
    problems = [f"{where}/{name} is not what {origin} gives" for name in wrong]
    if not problems and not is_recorded:
        problems = [f"{RECORD.relative_to(ROOT)} is out of date"]
    if problems:
        print(*problems, "Run make front-end", sep="\n", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
