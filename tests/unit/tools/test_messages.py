# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/tools/messages.py finds each way in which our code reports a problem."""

from pathlib import Path

import pytest
import yaml

import messages

SAID = {
    'raise Refused(f"the unit {unit.name!r} is gone: start {name}")': (
        "error",
        "the unit *name* is gone: start *name*",
    ),
    'raise HTTPError(403, "Only owners share" + rest)': ("error", "Only owners share*rest*"),
    'module.fail_json(msg="Nothing was changed.")': ("error", "Nothing was changed."),
    'live.warn(FORM.format(server="x"))': ("warning", "Stop the server of *name* first."),
    'self.log.warning("%s is not there: %r", path, error)': ("warning", "*…* is not there: *…*"),
    'sys.exit("this needs Python")': ("error", "this needs Python"),
    "def _problems(x):\n    yield 'it is too old'": ("error", "it is too old"),
    "def _warnings(x):\n    found.append('look at it')": ("warning", "look at it"),
    "def look(x):\n    return f'{path} is a link. Name the directory'": (
        "error",
        "*path* is a link. Name the directory",
    ),
    "def look(x):\n    return f'{path} is a link: name the directory'": (
        "error",
        "*path* is a link: name the directory",
    ),
    "LOST = ('warning', 'Text of {name} is lost.')": ("warning", "Text of *name* is lost."),
    "AGAIN = 'Something went wrong here. Try again.'": ("info", "Something went wrong here. Try again."),
}


def said(path: Path) -> list[tuple[str, str]]:
    return [(level, messages.cell(text)) for level, text in messages.python_messages(path)]


@pytest.mark.parametrize("code", SAID)
def test_each_way_to_say_something_is_found(code: str, tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_text(f'FORM = "Stop the server of {{name}} first."\n{code}\n')
    assert SAID[code] in said(path)


def test_what_is_no_message_is_not_found(tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_text(
        '"""A docstring: with a colon."""\nlog.info("all is well")\nraise KeyError(name)\nx = run("rm -r it")\n'
    )
    assert said(path) == []


def test_tasks_that_fail_say_what_they_say_themselves() -> None:
    tasks = yaml.safe_load(
        """
        - name: A block
          block:
            - name: The way out
              ansible.builtin.fail:
                msg: "Name two accounts in {{ role_accounts | length }}, or none."
            - name: Nothing of its own
              ansible.builtin.fail:
                msg: "{{ problems | join('. ') }}"
        """
    )
    found = [(level, messages.cell(text)) for level, text in messages.role_messages(tasks)]
    assert found == [("error", "Name two accounts in *role\\_accounts*, or none.")]


def test_a_variable_is_shown_as_code() -> None:
    assert messages.cell("set jupyterhub_rtc_service to a * b") == r"set `jupyterhub_rtc_service` to a \* b"


def test_all_of_the_package_is_searched() -> None:
    searched = {path for patterns in messages.PARTS.values() for path in messages.files(patterns)}
    assert {*(messages.ROOT / messages.PACKAGE).rglob("*.py")} - searched == set()
