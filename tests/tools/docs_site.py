# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site from docs/ into .cache/site/html, with Sphinx warnings as errors.

    docs_site.py          build it, and check external links, unless none of the external sites can be reached
    docs_site.py --build  only build it, which needs no network

docs/ is written to be read in the repository. What the site has in addition goes into a copy: tables of contents, the
reference of roles and modules, and the messages. Links to files outside docs/ point to the repository if its URL is in the
environment variable REPOSITORY; otherwise the site offers the files for download.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import messages

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SITE = ROOT / ".cache/site"
PAGES = SITE / "pages"
REFERENCE = "reference/collection"
# Placeholders in the repository for what only the site has.
PLACE = re.compile(r"<!-- site: (\w+) -->\n.*?<!-- end -->\n", re.S)
LINK = re.compile(r"\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
EXTERNAL = re.compile(r"https?://[^\s)>`\"']+")
REACH_SECONDS = 5
# Pages of Ansible's documentation, which the module reference links to by label.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
ANSIBLE_PAGES = {
    "common_return_values": f"{ANSIBLE}/reference_appendices/common_return_values.html",
    "action_plugins": f"{ANSIBLE}/plugins/action.html",
}


def pages() -> Iterator[Path]:
    return DOCS.rglob("*.md")


def stage() -> None:
    """Write the copy of docs/ that Sphinx builds."""
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(DOCS, PAGES, ignore=shutil.ignore_patterns("conf.py", "__pycache__"))
    for page in pages():
        copy = PAGES / page.relative_to(DOCS)
        text = PLACE.sub(lambda found: generated(found[1]), page.read_text())
        if page.name == "index.md":
            text += contents(listed(page, text), "hidden:")
        copy.write_text(outside(page, text))


def generated(what: str) -> str:
    """Return the content that replaces a placeholder."""
    if what == "messages":
        return messages.markdown()
    if what == "modules":
        return contents(sorted(reference(), reverse=True), "titlesonly:")
    raise SystemExit(f"docs_site.py does not know how to generate {what}")


def reference() -> Iterator[str]:
    """Write the pages of roles and modules, and yield their entries for a table of contents. Other plugins are internal."""
    place = PAGES / REFERENCE
    place.mkdir()
    command = ["antsibull-docs", "collection", "--use-current", "--fail-on-error", "--squash-hierarchy"]
    subprocess.run(
        [*command, "--dest-dir", place, "collab.jupyterhub"], check=True, stdout=subprocess.DEVNULL
    )
    for page in place.glob("*.rst"):
        if page.stem.endswith(("_role", "_module")):
            text = page.read_text()
            for name, address in ANSIBLE_PAGES.items():
                text = re.sub(rf":ref:`([^`<]+) <{name}>`", rf"`\1 <{address}>`__", text)
            page.write_text(text)
            name, _, kind = page.stem.rpartition("_")
            yield f"{kind.capitalize()} {name} </{REFERENCE}/{page.stem}>"
        else:
            page.unlink()


def listed(page: Path, text: str) -> list[str]:
    """Return the pages that an index links to, in its order: those in its folder, and the indexes of its subfolders."""
    links = (link[1] for link in LINK.finditer(text) if link[1].endswith(".md"))
    targets = dict.fromkeys((page.parent / link).resolve() for link in links)
    below = [
        target
        for target in targets
        if target.parent == page.parent or (target.parent.parent == page.parent and target.name == "index.md")
    ]
    return [f"/{target.relative_to(DOCS).with_suffix('')}" for target in below]


def contents(names: list[str], option: str) -> str:
    """Return a table of contents. `names` are absolute because pages in any folder can have one."""
    return "\n".join(["", "```{toctree}", f":{option}", ":maxdepth: 1", "", *names, "```", ""])


def outside(page: Path, text: str) -> str:
    """Return the text with its links to files outside docs/ rewritten."""
    repository = os.environ.get("REPOSITORY", "").rstrip("/")

    def link(found: re.Match[str]) -> str:
        target = (page.parent / found[1]).resolve()
        if target.is_relative_to(DOCS):
            return found[0]
        if repository:
            return f"]({repository}/blob/main/{target.relative_to(ROOT)}{found[2] or ''})"
        return f"](path:{os.path.relpath(target, (PAGES / page.relative_to(DOCS)).parent)})"

    parts = zip([*FENCED.findall(text), ""], FENCED.split(text), strict=True)
    return "".join(chain.from_iterable((LINK.sub(link, prose), code) for code, prose in parts))


def sphinx(builder: str, *options: str) -> None:
    command = ["sphinx-build", "-q", "-b", builder, "-c", str(DOCS), "-d", str(SITE / "doctrees"), *options]
    done = subprocess.run([*command, str(PAGES), str(SITE / builder)], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def network() -> bool:
    """Return whether any external site that the pages link to can be reached."""
    addresses = (
        address for page in pages() for address in EXTERNAL.findall(FENCED.sub("", page.read_text()))
    )
    sites = sorted({f"{parts.scheme}://{parts.netloc}/" for parts in map(urlsplit, addresses)})
    return any(map(answers, sites))


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=REACH_SECONDS).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", action="store_true", help="do not check links to other sites")
    given = parser.parse_args()
    stage()
    sphinx("html", "--fail-on-warning", "--keep-going", "--nitpicky")
    print(f"The site is in {SITE / 'html/index.html'}")
    if given.build:
        return
    if network():
        sphinx("linkcheck", "--fail-on-warning", "--keep-going")
    else:
        print("Links to other sites were not checked, because no other site is reachable from here.")


if __name__ == "__main__":
    main()
