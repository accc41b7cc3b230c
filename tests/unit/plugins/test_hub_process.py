# SPDX-License-Identifier: GPL-3.0-or-later
"""How hubs are started in the wild, and what is read from it."""

from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub_process import (
    HubNotFound,
    parse_command,
    shebang_python,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.systemd_unit import (
    Unit,
    read_environment_file,
)


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "jupyterhub"
    path.write_text("#!/opt/hub/bin/python3.11\nimport sys\n")
    return str(path)


def test_script_with_options(script: str) -> None:
    command = parse_command([script, "-f", "/etc/hub.py", "--debug"], "/bin")
    assert (command.python, command.config, command.arguments) == (
        "/opt/hub/bin/python3.11",
        "/etc/hub.py",
        ["--debug"],
    )


@pytest.mark.parametrize(
    "words",
    [
        ["/opt/hub/bin/python", "/opt/hub/bin/jupyterhub", "--config=/etc/hub.py"],
        ["/opt/hub/bin/python", "-m", "jupyterhub", "--config", "/etc/hub.py"],
        ["/opt/hub/bin/python", "-m", "jupyterhub.app", "-f=/etc/hub.py"],
        ["/opt/hub/bin/python", "-I", "/opt/hub/bin/jupyterhub", "--JupyterHub.config_file=/etc/hub.py"],
    ],
)
def test_interpreter_with_script_or_module(words: list[str]) -> None:
    command = parse_command(words, "/bin")
    assert (command.python, command.config, command.arguments) == ("/opt/hub/bin/python", "/etc/hub.py", [])


def test_script_found_by_path(script: str, tmp_path: Path) -> None:
    Path(script).chmod(0o755)
    command = parse_command(["jupyterhub"], str(tmp_path))
    assert command.python == "/opt/hub/bin/python3.11"
    assert command.config == ""


@pytest.mark.parametrize(
    "words", [[], ["/bin/sh", "-c", "start-hub"], ["/usr/bin/python3", "-m", "http.server"]]
)
def test_other_commands_are_no_hub(words: list[str]) -> None:
    with pytest.raises(HubNotFound):
        parse_command(words, "/bin")


@pytest.mark.parametrize(
    ("head", "python"),
    [
        ("#!/opt/hub/bin/python\n", "/opt/hub/bin/python"),
        ("#! /opt/hub/bin/python3.13 -I\n", "/opt/hub/bin/python3.13"),
        (
            "#!/bin/sh\n'''exec' /opt/a/very/long/path/bin/python \"$0\" \"$@\"\n' '''\n",
            "/opt/a/very/long/path/bin/python",
        ),
        ("#!/bin/sh\nexec start\n", None),
        ("\x7fELF", None),
    ],
)
def test_first_lines(tmp_path: Path, head: str, python: str | None) -> None:
    path = tmp_path / "script"
    path.write_text(head)
    assert shebang_python(str(path)) == python


def test_environment_of_a_unit(tmp_path: Path) -> None:
    file = tmp_path / "hub.env"
    file.write_text("# a comment\nTOKEN='a b'\nexport=1\nPLAIN=x=y\n\n; another\n")
    unit = Unit(
        "hub",
        {
            "Environment": 'PATH=/opt/hub/bin:/bin "NAME=two words"',
            "EnvironmentFiles": f"{file} (ignore_errors=no)",
        },
    )
    found = unit.environment
    assert found["PATH"] == "/opt/hub/bin:/bin"
    assert found["NAME"] == "two words"
    assert (found["TOKEN"], found["PLAIN"]) == ("a b", "x=y")
    assert read_environment_file(str(tmp_path / "missing")) == {}
