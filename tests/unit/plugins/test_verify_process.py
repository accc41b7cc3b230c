# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the checks of `verify` did not complete: always a reason, and the right one."""

import sys
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.verify import process as verify_process

SURROUNDINGS: dict[str, Any] = {"text": True}


def run(code: str, first: str = "") -> tuple[str, str, list[dict[str, Any]]]:
    """Run a program as if it were the checks. Return why it did not complete, its error output, and its messages.

    first: what it does before it reads its task.
    """
    told: list[dict[str, Any]] = []
    program = f"import json, os, sys, time; {first}\ntask = json.loads(input()); {code}"
    command = [sys.executable, "-c", program]
    why, output = verify_process.run(
        command, SURROUNDINGS, {"url": "here"}, lambda _number: None, told.append
    )
    return why, output, told


def test_checks_that_complete() -> None:
    say = "print(json.dumps({'row': task})); print(json.dumps({'undo': {}}), flush=True); input()"
    assert run(say) == ("", "", [{"row": {"url": "here"}}, {"undo": {}}])


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise KeyError('id')", "KeyError: 'id'"),
        ("os._exit(3)", "Its process ended with status 3"),
        ("os.kill(os.getpid(), 9)", "Its process was killed by SIGKILL"),
        (
            "sys.stderr.write('a warning'); sys.stderr.flush(); os.kill(os.getpid(), 15)",
            "Its process was killed by SIGTERM",
        ),
    ],
)
def test_checks_that_end_early(code: str, why: str) -> None:
    assert run(code)[0] == why


def test_checks_that_end_before_they_begin() -> None:
    assert run("pass", "sys.exit('no module named tornado')")[0] == "no module named tornado"
    assert run("pass", "os.close(0); os._exit(4)")[0] == "Its process ended with status 4"


def test_environment_that_prints_something() -> None:
    assert run("print(json.dumps({'row': 1}))", "print('hello')") == ("", "", [{"row": 1}])


def test_checks_that_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning that they printed before is not the reason."""
    monkeypatch.setattr(verify_process, "SECONDS", 0.5)
    assert run("print('a warning', file=sys.stderr); time.sleep(600)")[0] == "It was stopped after 0.5 s"


def test_checks_that_write_more_errors_than_a_pipe_holds() -> None:
    why, output, _told = run("print('x' * 2**20, file=sys.stderr)")
    assert (why, len(output)) == ("", 2**20 + 1)
