# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a test run: what each runs, why it exists, and which of the two tiers it belongs to.

Tier 1 is `make test`, which contributors run before each push. Tier 2 is what `make test-all` adds. A scenario declares its tier in its
molecule.yml: a platform marked `tier: 2` runs in tier 2 only, and so does a scenario that has no other platform.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from upstream.jupyterhub_tests import RELEASES

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".cache/results"
SCENARIOS = sorted(ROOT.glob("molecule/*/molecule.yml"))
TEST_LIMIT = 900  # seconds; a test that takes longer fails
PARALLEL = (
    "--verbose",
    "--numprocesses=5",  # unit tests mostly wait: for servers that start, and for what must not happen
    "--dist=loadfile",
    # A test that does not end shows its stacks, then ends the step: after an exception, it might wait for ever in its cleanup.
    f"--override-ini=faulthandler_timeout={TEST_LIMIT - 30}",
    "--timeout-method=thread",
    "--max-worker-restart=0",
)

LINT = {
    "yamllint": (["yamllint", "."], "YAML is valid and consistently formatted"),
    "ansible-lint": (
        ["ansible-lint", "--offline"],
        "roles and playbooks follow Ansible's production profile",
    ),
    "ruff check": (["ruff", "check"], "common mistakes in Python"),
    "ruff format": (["ruff", "format", "--check"], "Python is consistently formatted"),
    "mypy": (["mypy"], "Python's type annotations are consistent"),
    "plugin docs": (
        ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "."],
        "the documentation of modules is valid",
    ),
    "variables": (
        ["python", "tests/tools/variables.py", "--check"],
        "the tables of variables match the roles",
    ),
    "access table": (
        ["python", "tests/tools/access_matrix.py", "--check"],
        "docs/reference/access.md matches docs/access.yml",
    ),
    "ended table": (
        ["python", "tests/tools/ended.py", "--check"],
        "docs/explanation/security.md matches docs/ended.yml, which the tests check",
    ),
    "promises": (
        ["python", "tests/tools/promises.py", "--check"],
        "each promise in docs/reference/promises.md has a test in `make test`, and each test that cites one is listed there",
    ),
    "imports": (
        ["python", "tests/tools/imports.py", "--check"],
        "no modules import each other, and no roles include each other, in a circle; no role uses another's private variables; "
        "the diagram in docs/explanation/architecture.md matches",
    ),
    "links": (["python", "tests/tools/links.py"], "links between documents have existing targets"),
    "site": (
        ["python", "tests/tools/docs_site.py", "--build"],
        "the documentation site builds without warnings, and its internal links and anchors exist",
    ),
    "prose": (
        ["python", "tests/tools/prose.py"],
        "text uses the project's terms and has no spelling mistakes or overlong sentences",
    ),
    "reuse": (["reuse", "lint", "--lines"], "each file states its license and copyright holder"),
    "changelog": (["antsibull-changelog", "lint"], "changelog fragments are valid"),
    "workflows": (
        ["python", "tests/tools/workflows.py"],
        "GitHub runs every scenario and target that `make test` and `make test-all` run",
    ),
    "github schemas": (["tests/tools/github-schemas"], "GitHub can read the files in .github"),
    "workflow security": (
        ["zizmor", "--offline", "--no-progress", "--strict-collection", ".github"],
        "workflows pin their dependencies and have minimal permissions",
    ),
    "installed": (
        ["tests/tools/installed"],
        "the installed archive shows its documentation, has no broken links or playbooks, and its roles check their variables",
    ),
    "galaxy-importer": (
        ["tests/tools/galaxy-importer"],
        "Galaxy can import the archive and show its documentation",
    ),
    "front end": (
        ["python", "tests/tools/front_end.py", "--check"],
        "the JupyterLab extension in the package is built from its source; in `make test-all` by building it",
    ),
    "versions": (
        ["python", "tests/tools/versions.py"],
        "galaxy.yml, the package, plugins, changelog and tests agree on versions",
    ),
    "sanity": (["tests/tools/sanity"], "ansible-test sanity passes on the archive that users install"),
}

# Each supported release of ansible-core: the Debian release whose Python runs it, the JupyterHub version, and the tier. ansible-core
# 2.19 is the last to support Python 3.11.
ANSIBLE_CORE = {
    "2.18": ("bookworm", "5", 1),
    "2.19": ("bookworm", "5", 2),
    "2.20": ("trixie", "6", 2),
    "2.21": ("trixie", "6", 1),
}


@dataclass(frozen=True)
class Step:
    """One command of a run. It passes if it exits with 0 and all tests in its JUnit report, if it writes one, pass.

    Attributes:
        why: what it checks, in a few words.
        images: the container images that it needs; they are built before it starts.
        report: the JUnit report that the command writes.
    """

    name: str
    command: list[str]
    why: str
    tier: int = 1
    env: dict[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    report: Path | None = None


def lint(tier: int) -> Iterator[Step]:
    late = [f"molecule/{path.parent.name}/" for path in SCENARIOS if not scenario(path, tier=1)]
    for name, (command, why) in LINT.items():
        # A promise needs a test that each contributor runs.
        more = ["--without", *late] if name == "promises" else []
        yield Step(f"lint: {name}", [*command, *more], why, env=all_of(tier))


def reported(report: Path) -> list[str]:
    """Return pytest's options for a report in which a test that does not end has failed."""
    return [f"--junit-xml={report}", f"--timeout={TEST_LIMIT}"]


def pytest(tier: int, name: str, why: str, *options: str, images: tuple[str, ...] = ()) -> Step:
    """Return the step that runs the tests in a folder of tests/."""
    report = RESULTS / f"{name}.xml"
    command = ["pytest", *reported(report), *options, f"tests/{name}"]
    return Step(name, command, why, env=all_of(tier), images=images, report=report)


def all_of(tier: int) -> dict[str, str]:
    """Return the environment that makes tests run in their long form in tier 2."""
    return {"COLLAB_ALL": "1"} if tier == 2 else {}


def scenario(path: Path, tier: int) -> Step | None:
    """Return the step for a Molecule scenario, on its tier 1 platform or on all platforms; None if it has no platform in this tier."""
    text = path.read_text()
    platforms = yaml.safe_load(text)["platforms"]
    chosen = [platform for platform in platforms if platform.get("tier", 1) <= tier]
    if not chosen:
        return None
    name = path.parent.name
    first = [platform for platform in chosen if platform.get("tier", 1) == 1]
    if len(first) > 1:
        raise SystemExit(f"{path}: only one platform may be in tier 1; give the others `tier: 2`")
    report = RESULTS / f"molecule-{name}.xml"
    env = {"PYTEST_ADDOPTS": " ".join(reported(report))}
    env |= all_of(tier) or {"MOLECULE_PLATFORM_NAME": chosen[0]["name"]}
    return Step(
        f"molecule: {name}",
        ["tests/tools/scenario", name],
        " ".join(re.findall(r"^# (?!SPDX)(.*)", text.partition("platforms:")[0], re.M)),
        tier=1 if first else 2,
        env=env,
        images=tuple(sorted({platform["image"] for platform in chosen})),
        report=report,
    )


def scenarios(tier: int) -> Iterator[Step]:
    for path in SCENARIOS:
        if step := scenario(path, tier):
            yield step


def ansible_cores(tier: int) -> Iterator[Step]:
    """Yield the steps for ansible-core: the oldest and newest release in short form in tier 1, all of them on a hub in tier 2."""
    for release, (suite, major, first) in ANSIBLE_CORE.items():
        if first <= tier:
            yield Step(
                f"ansible-core: {release}",
                ["python", "tests/tools/ansible_core.py", release, suite, major],
                f"the collection works with ansible-core {release}; in `make test-all` also on a hub",
                tier=first,
                env=all_of(tier),
                images=(f"collab-hub:{suite}-hub{major}" if tier == 2 else f"collab-debian:{suite}",),
            )


def other_python() -> Step:
    files = [ROOT / f"tests/unit/server/test_{name}.py" for name in ("stopping", "room", "following")]
    files += sorted(ROOT.glob("tests/unit/server/test_file_*.py"))
    return Step(
        "python: 3.13",
        ["python", "tests/tools/other_python.py", "3.13", "trixie", *PARALLEL, *map(str, files)],
        "servers stop, and documents keep what people type, also with Debian 13's Python",
        tier=2,
        images=("collab-debian:trixie",),
    )


def other_hub() -> Step:
    """Return the step for JupyterHub 5. The tests of `make test` use the newest release, except in some scenarios."""
    report = RESULTS / "hub5.xml"
    tests = [f"tests/unit/{name}" for name in ("hub", "patches", "sharing", "verify")]
    tests += [f"tests/unit/plugins/test_hub_{name}.py" for name in ("dry_run", "look", "probe", "socket")]
    tests += [f"tests/unit/server/test_{name}.py" for name in ("guard", "visitors", "stopping")]
    return Step(
        "jupyterhub: 5",
        ["python", "tests/tools/other_hub.py", "5", *reported(report), *PARALLEL, *tests],
        "hub, sharing page, guard and attacks, tested against real hubs and servers of JupyterHub 5",
        tier=2,
        env=all_of(2),
        report=report,
    )


def jupyterhub() -> Iterator[Step]:
    for release in RELEASES:
        yield Step(
            f"upstream: jupyterhub {release}",
            ["python", "-m", "upstream.jupyterhub_tests", release],
            f"JupyterHub {release}'s own tests have the same results with our code as without it, or the difference is explained",
            tier=2,
        )


def everything(tier: int) -> list[Step]:
    """Return all steps of a tier and of those below it."""
    return [
        *lint(tier),
        pytest(
            tier,
            "unit",
            "policy, merging, transaction, rooms, guard and page, tested against real hubs, servers and environments",
            *PARALLEL,
        ),
        pytest(
            tier,
            "browser",
            "what only a browser can test, on the hub of `make demo`",
            images=("collab-hub:trixie-hub6",),
        ),
        *ansible_cores(tier),
        *([other_python(), other_hub(), *jupyterhub()] if tier == 2 else []),
        *scenarios(tier),
    ]
