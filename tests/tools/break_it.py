# SPDX-License-Identifier: GPL-3.0-or-later
"""Break a copy of the collection on purpose, and fail if the tests do not notice.

break_it.py           every fault below; the last one needs a hub and a browser, and takes minutes
break_it.py NAME...   only these faults

Each test must pass without its fault and fail with it. If the line that a fault replaces no longer exists, that is an error, too: find
the line that now makes this decision, or another fault for this part.
"""

import argparse
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / ".cache/broken"
UNIT = "tests/unit"


@dataclass(frozen=True)
class Fault:
    """A line in a file, its replacement, and the test that must notice."""

    what: str
    path: str
    line: str
    instead: str
    test: str


FAULTS = {
    "policy": Fault(
        "users get the rights to every server",
        "plugins/plugin_utils/policy/rtc.py",
        'everyone = [f"servers!server={user}/"] * (everyones == "manage") + [f"access:servers!server={user}/"]',
        'everyone = ["servers", "access:servers"]',
        f"{UNIT}/plugins/test_rtc.py::test_shared_user_gets_the_least_scopes",
    ),
    "merge": Fault(
        "the administrator's hook no longer runs",
        "python/jupyterhub_collab/hub/hooks.py",
        "wrap(theirs or of_the_class(trait))",
        "wrap(of_the_class(trait))",
        f"{UNIT}/hub/test_merge.py::test_both_hooks_run_wherever_theirs_is_set",
    ),
    "transaction": Fault(
        "a rollback deletes the file that it should restore",
        "plugins/module_utils/host/transaction.py",
        "os.replace(kept, path)",
        "os.unlink(kept)",
        f"{UNIT}/plugins/test_transaction.py",
    ),
    "requests": Fault(
        "a request for access of a deleted user counts as one of another user with the same name",
        "python/jupyterhub_collab/hub/access_requests.py",
        "if requester is None or _key(requester) != request.requester_key or request.server not in servers:",
        "if requester is None or request.server not in servers:",
        f"{UNIT}/sharing/test_requests.py::test_request_ends_with_its_sender",
    ),
    "page": Fault(
        "the sharing page offers links to users who may not share",
        "python/jupyterhub_collab/sharing/templates/sharing.html",
        "{% if not may_share %}",
        "{% if false %}",
        f"{UNIT}/sharing/test_templates.py::test_who_may_not_share_sees_what_others_share",
    ),
    "guard": Fault(
        "guests can shut a server down from inside",
        "python/jupyterhub_collab/server/guard.py",
        'LEVEL_FOR = {"server": Level.MANAGE}',
        'LEVEL_FOR = {"server": Level.EDIT}',
        f"{UNIT}/server/test_guard.py::test_who_may_not_is_told_who_may",
    ),
    "room": Fault(
        "text that a script removes is not kept",
        "python/jupyterhub_collab/server/rescue.py",
        "copy = await self._write_copy(lost)",
        'copy = "not kept"',
        f"{UNIT}/server/test_room.py::test_what_was_typed_into_a_cell_that_goes_is_kept_and_people_are_told",
    ),
    "workspace": Fault(
        "readers can write",
        "python/jupyterhub_collab/hub/workspace_rights.py",
        """found[f"{project['name']}/{workspace['name']}"] = READ""",
        """found[f"{project['name']}/{workspace['name']}"] = WRITE""",
        f"{UNIT}/hub/test_workspace_rights.py::test_rights",
    ),
    "verify": Fault(
        "verify confuses the modes of a hub",
        "python/jupyterhub_collab/verify/rights.py",
        "mode.rights(own, user, accounts) ^ held",
        "mode.rights(own, user, accounts) & held",
        f"{UNIT}/verify/test_rights.py",
    ),
    "snippet": Fault(
        "servers cannot read what the snippet installs",
        "plugins/plugin_utils/snippet.py",
        "entry.mode = len(content), 0o644",
        "entry.mode = len(content), 0o600",
        f"{UNIT}/plugins/test_snippet.py::test_package_is_where_the_hub_says",
    ),
    "browser": Fault(
        "the button that copies a link copies nothing",
        "python/jupyterhub_collab/sharing/templates/sharing.js",
        "field.select();",
        "",
        "tests/browser/test_sharing.py::test_link_is_copied_with_one_click",
    ),
}


def copy_checkout() -> None:
    """Copy the checkout, uncommitted changes included, and give the copy an environment of its own."""
    shutil.rmtree(COPY, ignore_errors=True)
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = ROOT / name, COPY / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    make_environment(ROOT / ".cache", COPY / ".cache")


def make_environment(theirs: Path, ours: Path) -> None:
    """Create an environment that has the packages and programs of the checkout's environment, but the code of the copy.

    The copy needs its own: tests start servers in separate processes, which find our code through the environment.
    """
    collections = Path("collections/ansible_collections")
    (ours / collections / "collab").mkdir(parents=True)
    (ours / collections / "collab/jupyterhub").symlink_to(COPY)
    for path in (theirs / collections).iterdir():
        if path.name != "collab":
            (ours / collections / path.name).symlink_to(path)
    for name in ("bin", "downloads"):
        if (theirs / name).exists():
            (ours / name).symlink_to(theirs / name)
    venv.create(ours / "venv", with_pip=False, symlinks=True)
    for part in ("bin", "etc", "share"):
        (ours / "venv" / part).mkdir(exist_ok=True)
        for path in (theirs / "venv" / part).iterdir():
            target = ours / "venv" / part / path.name
            if not target.exists():
                target.symlink_to(path)
    (packages,) = (theirs / "venv").glob("lib/python3*/site-packages")
    ours_first = [str(COPY / part) for part in ("tests", "tests/support", "tests/images", "python")]
    pth = ours / packages.relative_to(theirs) / "copy.pth"
    pth.write_text("\n".join([*ours_first, str(packages), ""]))


def passes(test: str) -> tuple[bool | None, str]:
    """Run a test in the copy. Return True if it passed, False if it failed, None if it did not run, and its output."""
    command = [str(COPY / "tests/tools/with-env"), "python", "-m", "pytest", "-q", test]
    done = subprocess.run(command, cwd=COPY, check=False, capture_output=True, text=True)
    failed = done.returncode == 1 and re.search(r"\b\d+ failed\b", done.stdout)
    outcome = True if done.returncode == 0 else False if failed else None
    return outcome, done.stdout + done.stderr


def try_fault(fault: Fault) -> str:
    """Insert a fault and run its test. Return what is wrong with the test, or an empty string if it notices the fault."""
    path = COPY / fault.path
    if not path.is_file():
        return f"{fault.path} no longer exists: change the fault in {Path(__file__).name}"
    text = path.read_text()
    if text.count(fault.line) != 1:
        return f"{fault.path} has {fault.line!r} {text.count(fault.line)} times, not once: change the fault in {Path(__file__).name}"
    before, said = passes(fault.test)
    if not before:
        return f"{fault.test} does not pass without the fault:\n{said}"
    path.write_text(text.replace(fault.line, fault.instead))
    try:
        after, said = passes(fault.test)
    finally:
        path.write_text(text)
    if after is None:
        return f"{fault.test} did not run with the fault:\n{said}"
    return f"{fault.test} PASSES despite the fault" if after else ""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FAULTS))
    names = parser.parse_args().names or [*FAULTS]
    if unknown := {*names} - {*FAULTS}:
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    copy_checkout()
    missed = 0
    for name in names:
        wrong = try_fault(FAULTS[name])
        missed += bool(wrong)
        print(f"{name}: {FAULTS[name].what}: {wrong or f'detected by {FAULTS[name].test}'}", flush=True)
    print(f"{len(names) - missed} passed, {missed} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
