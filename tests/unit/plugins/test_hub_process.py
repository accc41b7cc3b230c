# SPDX-License-Identifier: GPL-3.0-or-later
"""How hubs are started in practice, and what is read from that."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.process import Process
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import (
    Unit,
    read_environment_file,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import shutdown
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.process import (
    LONGEST_ERROR,
    HubNotFound,
    hub_command,
    hub_of,
    hub_surroundings,
    parse_command,
    pid_of,
    run_as_hub,
    shebang_python,
)

from unused_accounts import FIRST

ACCOUNT = FIRST + 48


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
        ["/opt/hub/bin/python", "-X", "utf8", "-m", "jupyterhub", "--JupyterHub.config_file", "/etc/hub.py"],
        ["/opt/hub/bin/python", "-W", "ignore", "-Xutf8", "-mjupyterhub", "-f/etc/hub.py"],
        ["/opt/hub/bin/python", "-um", "jupyterhub", "-f", "/etc/hub.py"],
        ["/opt/hub/bin/python", "/nix/store/x/bin/.jupyterhub-wrapped", "-f", "/etc/hub.py"],
    ],
)
def test_interpreter_with_script_or_module(words: list[str]) -> None:
    command = parse_command(words, "/bin")
    assert (command.python, command.config, command.arguments) == ("/opt/hub/bin/python", "/etc/hub.py", [])


def test_options_of_the_interpreter_are_without_the_module() -> None:
    """Options are used again with another program, so the one for a module must not be among them."""
    for words in (["-I", "-u", "-m", "jupyterhub"], ["-I", "-um", "jupyterhub"], ["-I", "-umjupyterhub"]):
        assert parse_command(["/opt/hub/bin/python", *words], "/bin").options == ["-I", "-u"]


def test_script_found_by_path(script: str, tmp_path: Path) -> None:
    Path(script).chmod(0o755)
    command = parse_command(["jupyterhub"], str(tmp_path))
    assert command.python == "/opt/hub/bin/python3.11"
    assert command.config == ""


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["/bin/sh", "-c", "start-hub"],
        ["/usr/bin/python3", "-m", "http.server"],
        ["/opt/hub/bin/python", "/opt/hub/bin/jupyterhub-singleuser"],
        ["/opt/hub/bin/python", "-m", "jupyterhub_idle_culler"],
    ],
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


def test_script_of_an_environment_that_can_move(tmp_path: Path) -> None:
    """In an environment of `uv venv --relocatable`, a script runs the interpreter next to it, also through a link."""
    (tmp_path / "bin").mkdir()
    script, link = tmp_path / "bin/jupyterhub", tmp_path / "jupyterhub"
    script.write_text('#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")"/\'python\' "$0" "$@"\n')
    link.symlink_to(script)
    assert shebang_python(str(link)) == shebang_python(str(script)) == f"{tmp_path}/bin/python"


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


# Takes the hub's place: a program of that name that waits.
WAITS = "#!/usr/bin/env python3\nimport time\ntime.sleep(60)\n"
Start = Callable[..., Unit]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a command as a unit would, and returns the unit once its hub is running."""
    program = tmp_path / "bin" / "jupyterhub"
    program.parent.mkdir()
    program.write_text(WAITS)
    (tmp_path / "srv").mkdir()
    (program.parent / "python3").symlink_to(sys.executable)
    processes = []

    def run(script: str, *, needs_hub: bool = True, **properties: str) -> Unit:
        path = tmp_path / "start"
        path.write_text(script.format(bin=program.parent, srv=tmp_path / "srv"))
        for each in (program, path):
            each.chmod(0o755)
        environment = {"PATH": f"{program.parent}:/usr/bin:/bin"}
        process = subprocess.Popen([path], env=environment, start_new_session=True)
        processes.append(process)
        unit = Unit("hub", {"ActiveState": "active", "MainPID": str(process.pid), **properties})
        deadline = time.monotonic() + 30
        while needs_hub and not is_there(unit):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return unit

    yield run
    for process in processes:
        os.killpg(process.pid, 9)
        process.wait()


def is_there(unit: Unit) -> bool:
    try:
        return pid_of(unit) > 0 and bool(hub_of(unit))
    except HubNotFound:
        return False


@pytest.mark.parametrize(
    "way",
    ["exec jupyterhub", "jupyterhub", "env NAME=value jupyterhub", "sh -c 'jupyterhub \"$@\"; true' sh"],
)
def test_hub_that_a_script_starts(start: Start, tmp_path: Path, way: str) -> None:
    """A hub is found whose unit runs a script that sets the hub's environment, and then becomes the hub or waits for it.

    The unit shows none of this.
    """
    unit = start(f"#!/bin/sh\nexport SECRET='of the script'\ncd {{srv}}\n{way} --config hub.py --debug\n")
    command = hub_command(unit)
    assert command.python == f"{tmp_path}/bin/python3"
    assert (command.config, command.arguments) == (f"{tmp_path}/srv/hub.py", ["--debug"])
    assert hub_surroundings(unit)["env"]["SECRET"] == "of the script"
    assert hub_of(unit).account[0] == os.geteuid()
    assert Path(f"/proc/{pid_of(unit)}/cmdline").read_bytes().split(b"\0")[1].endswith(b"/bin/jupyterhub")


def test_hub_whose_configuration_changes_the_directory(start: Start, tmp_path: Path) -> None:
    """The hub is loaded again where it was started, because its file and what that reads are there."""
    (tmp_path / "srv/hub.py").touch()
    unit = start("#!/bin/sh\ncd /\nexec jupyterhub -f hub.py\n", WorkingDirectory=str(tmp_path / "srv"))
    assert hub_command(unit).config == f"{tmp_path}/srv/hub.py"
    assert hub_surroundings(unit)["cwd"] == f"{tmp_path}/srv"


def test_script_that_is_named_after_the_hub(start: Start, tmp_path: Path) -> None:
    """A process with the hub's exact program name takes precedence over a nearer one with a similar name."""
    script = tmp_path / "jupyterhub-of-ours"
    script.write_text("import subprocess\nsubprocess.run(['jupyterhub', '-f/x.py'])\n")
    unit = start(f"#!/bin/sh\nexec python3 {script} -f /no.py\n", needs_hub=False)
    deadline = time.monotonic() + 30
    while not is_there(unit) or hub_command(unit).config != "/x.py":
        assert time.monotonic() < deadline
        time.sleep(0.02)


# A user's program that calls itself a hub.
THEIRS = """#!/usr/bin/env python3
import os, sys, time
os.setgroups([]), os.setgid({uid}), os.setuid({uid})
time.sleep(60)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run as another account")
def test_server_that_calls_itself_a_hub_is_none(start: Start, tmp_path: Path) -> None:
    """Root would change the files, and run the programs, that its command names."""
    theirs, script = tmp_path / "srv/jupyterhub", tmp_path / "jupyterhub-of-ours"
    theirs.write_text(THEIRS.format(uid=ACCOUNT))
    script.write_text(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '{theirs}', '-f/theirs.py'])\n"
    )
    unit = start(f"#!/bin/sh\nexec python3 {script} -f /ours.py\n", needs_hub=False)
    deadline = time.monotonic() + 30
    while not any((each.account or (0,))[0] == ACCOUNT for each in Process(unit.main_pid).family()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert hub_command(unit).config == "/ours.py"


def test_program_that_shows_the_command_of_a_hub_is_none(start: Start, tmp_path: Path) -> None:
    """A program with the setuid bit, such as sudo, is root's, and shows the words that a user gave it."""
    os.mkfifo(tmp_path / "srv/jupyterhub")
    script = tmp_path / "jupyterhub-of-ours"
    words = ["/home/of-a-user/python3", "jupyterhub"]
    script.write_text(
        f"import subprocess\nsubprocess.run({words}, executable='/bin/cat', cwd='{tmp_path}/srv')\n"
    )
    unit = start(f"#!/bin/sh\nexec python3 {script} -f /ours.py\n", needs_hub=False)
    deadline = time.monotonic() + 30
    while not any(each.command == words for each in Process(unit.main_pid).family()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert hub_command(unit).config == "/ours.py"


class Api:
    """The API of the hub that a unit runs: it ends the hub, as a request for its shutdown does."""

    url = "http://127.0.0.1:8081/hub/api"

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    def request(self, *_request: Any, **_options: Any) -> tuple[int, None]:
        os.kill(pid_of(self.unit), signal.SIGTERM)
        return 202, None


def test_script_that_starts_the_hub_again_ends_no_unit(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub has ended once its script runs another one. The unit runs on, so the play must not kill that one."""
    unit = start("#!/bin/sh\nwhile true; do jupyterhub --debug; done\n", InvocationID="1")
    monkeypatch.setattr(shutdown, "show", lambda _name: unit)
    before = pid_of(unit)
    shutdown.shut_down(unit, Api(unit), timeout=30)  # type: ignore[arg-type]
    assert is_there(unit)
    assert pid_of(unit) != before


# Starts a program that stays, tells its PID, and fails.
LEAVES = """
import subprocess, sys
stays = subprocess.Popen(['sh', '-c', 'sleep 1; while echo more; do :; done; exec sleep 600'], stdout=2)
sys.stderr.write('x' * 2_000_000 + ' the reason')
print(stays.pid)
sys.exit(3)
"""


def test_output_that_another_program_keeps_open_is_not_waited_for(start: Start) -> None:
    """It is shown as far as it has come, and cannot fill the memory of the host later."""
    unit = start("#!/bin/sh\nexec jupyterhub\n")
    done = run_as_hub(unit, [sys.executable, "-c", LEAVES], 30)
    stays = int(done.stdout)
    try:
        assert done.returncode == 3
        assert done.stderr.endswith(" the reason") and len(done.stderr) == LONGEST_ERROR
        deadline = time.monotonic() + 30
        while Path(f"/proc/{stays}/comm").read_text() != "sleep\n":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert os.stat(f"/proc/{stays}/fd/2").st_size < 10_000_000
    finally:
        os.kill(stays, 9)


def test_program_that_takes_too_long_is_killed(start: Start) -> None:
    unit = start("#!/bin/sh\nexec jupyterhub\n")
    with pytest.raises(subprocess.TimeoutExpired):
        run_as_hub(unit, ["sleep", "600"], 0.5)
    assert run_as_hub(unit, ["sh", "-c", "kill -KILL $$"], 30).returncode == -signal.SIGKILL


def test_host_that_forbids_files_in_memory(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "memfd_create", refuse)
    unit = start("#!/bin/sh\nexec jupyterhub\n")
    done = run_as_hub(unit, ["sh", "-c", "cat; echo failed >&2"], 30, "answer")
    assert (done.stdout, done.stderr) == ("answer", "failed\n")


def test_variables_that_the_unit_has_got_since(start: Start, tmp_path: Path) -> None:
    """Variables that the unit got since the hub's start count, because the next start has them. systemd's own for that process do not."""
    unit = start("#!/bin/sh\nexport A=script B=script NOTIFY_SOCKET=/run/x\nexec jupyterhub\n")
    file = tmp_path / "hub.env"
    file.write_text("A=file\n")
    unit.properties["EnvironmentFiles"] = f"{tmp_path}/*.env (ignore_errors=no)"
    os.utime(file, (1, 1))
    assert hub_of(unit).environment["A"] == "script"
    os.utime(file, (time.time() + 5, time.time() + 5))
    environment = hub_of(unit).environment
    assert (environment["A"], environment["B"]) == ("file", "script")
    assert "NOTIFY_SOCKET" not in environment


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "#!/bin/sh\nexec sleep 60\n",
            "none of its processes is jupyterhub. Name the unit that runs the hub",
        ),
        ("#!/bin/bash\nexec -a docker sleep 60\n", "so the hub runs in a container"),
    ],
)
def test_unit_without_a_hub(start: Start, script: str, said: str) -> None:
    unit = start(script, needs_hub=False)
    deadline = time.monotonic() + 30
    while said not in why_not(unit):
        assert time.monotonic() < deadline, why_not(unit)
        time.sleep(0.02)


def test_supervisor_is_no_unit_of_the_hub(start: Start) -> None:
    """A supervisor is not the hub's unit, because its end would end other programs, too."""
    unit = start("#!/bin/bash\nexec -a supervisord bash -c 'jupyterhub; true'\n", needs_hub=False)
    said = "runs the hub as one of several programs, so systemd cannot restart the hub alone"
    deadline = time.monotonic() + 30
    while said not in why_not(unit):
        assert time.monotonic() < deadline, why_not(unit)
        time.sleep(0.02)


def why_not(unit: Unit) -> str:
    with pytest.raises(HubNotFound) as caught:
        hub_of(unit)
    return str(caught.value)


def test_stopped_unit_that_tells_no_hub_is_to_be_started() -> None:
    unit = Unit("hub", {"ExecStart": "{ path=/x ; argv[]=/opt/conda/bin/conda run -n hub jupyterhub ; }"})
    assert why_not(unit).endswith("Start hub, so that its processes show where the hub is")


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        # Several commands, and a start script that leaves the hub in the background.
        (
            {"Type": "oneshot", "ActiveState": "active", "SubState": "exited", "MainPID": "0"},
            "Type=oneshot, so systemd cannot restart the hub. Set Type=simple",
        ),
        ({"Type": "oneshot", "ActiveState": "inactive"}, "Type=oneshot, so systemd cannot restart the hub"),
        (
            {"Type": "forking", "ActiveState": "active", "SubState": "running", "MainPID": "0"},
            "systemd does not know which process of hub is the hub, so it cannot restart the hub. Set Type=simple",
        ),
    ],
)
def test_unit_that_systemd_could_not_restart_is_refused(properties: dict[str, str], said: str) -> None:
    """If the play stopped such a hub, systemd would not start it again."""
    command = "{ path=/opt/hub/bin/python ; argv[]=/opt/hub/bin/python -m jupyterhub ; }"
    assert said in why_not(Unit("hub", {"ExecStart": command, **properties}))


def test_account_that_exists_while_the_hub_runs_needs_it_started() -> None:
    command = "{ path=/opt/hub/bin/python ; argv[]=/opt/hub/bin/python -m jupyterhub ; }"
    unit = Unit("hub", {"ExecStart": command, "User": "no-such-account", "DynamicUser": "yes"})
    assert why_not(unit).endswith("'no-such-account'\". Start hub, which creates it")


@pytest.mark.parametrize("kind", ["simple", "exec", "notify", "notify-reload", "forking", "idle", "dbus"])
def test_unit_with_a_main_process_is_the_hubs(start: Start, kind: str) -> None:
    unit = start("#!/bin/sh\nexec jupyterhub\n", Type=kind, SubState="running")
    assert pid_of(unit) == unit.main_pid


def test_command_of_a_stopped_unit_may_hold_an_apostrophe() -> None:
    unit = Unit(
        "hub", {"ExecStart": "{ path=/bin/sh ; argv[]=/bin/sh -c echo it's starting && exec /opt/start ; }"}
    )
    assert why_not(unit).endswith("Start hub, so that its processes show where the hub is")


def test_what_systemd_gives_a_stopped_hub(tmp_path: Path) -> None:
    """A stopped hub's environment has what systemd would set: files by pattern, directories, its own variables and supplementary groups."""
    for name, text in (("10-a", "A=1\nB=1\n"), ("20-b", "B=2\n"), ("with blank", "C=3\n")):
        (tmp_path / f"{name}.env").write_text(text)
    unit = Unit(
        "hub",
        {
            "EnvironmentFiles": f"{tmp_path}/*0-?.env (ignore_errors=no)\n{tmp_path}/with blank.env (ignore_errors=yes)",
            "StateDirectory": "hub hub/more:link",
            "SupplementaryGroups": "daemon 4711",
            "ExecStart": "{ path=/x ; argv[]=/opt/hub/bin/python -m jupyterhub ; }",
        },
    )
    found = hub_of(unit).environment
    assert (found["A"], found["B"], found["C"]) == ("1", "2", "3")
    assert found["STATE_DIRECTORY"] == "/var/lib/hub:/var/lib/hub/more"
    assert {1, 4711} <= {*hub_of(unit).account[2]}


@pytest.mark.parametrize(
    ("properties", "writes"),
    [
        ({}, True),
        ({"ProtectSystem": "full"}, True),
        ({"ProtectSystem": "strict"}, False),
        ({"ProtectSystem": "strict", "ReadWritePaths": "/home -/var/lib"}, True),
        # systemd ignores it if it is missing when the hub starts.
        ({"ProtectSystem": "strict", "ReadWritePaths": "-/var/lib/jupyterhub-rtc"}, False),
        ({"ProtectSystem": "strict", "StateDirectory": "jupyterhub jupyterhub-rtc"}, True),
        ({"ProtectSystem": "strict", "StateDirectory": "jupyterhub"}, False),
        ({"ReadOnlyPaths": "/var/lib/jupyterhub-rtc", "ReadWritePaths": "/var"}, False),
        ({"InaccessiblePaths": "-/var/lib"}, False),
        ({"TemporaryFileSystem": "/var:ro,size=1M"}, False),
        ({"TemporaryFileSystem": "/srv /tmp:ro"}, True),
        ({"ProtectHome": "read-only", "PrivateTmp": "yes"}, True),
    ],
)
def test_where_a_unit_lets_the_hub_write(properties: dict[str, str], writes: bool) -> None:
    assert Unit("hub", properties).may_write("/var/lib/jupyterhub-rtc") is writes


@pytest.mark.parametrize(
    ("path", "properties"),
    [
        ("/home/.rtc", {"ProtectHome": "read-only"}),
        ("/home/.rtc", {"ProtectHome": "tmpfs"}),
        ("/usr/local/share/rtc", {"ProtectSystem": "yes"}),
        ("/etc/rtc", {"ProtectSystem": "full"}),
        # Servers do not see the hub's own directory there.
        ("/var/tmp/rtc", {"PrivateTmp": "yes"}),
    ],
)
def test_state_elsewhere_may_be_out_of_the_hubs_reach(path: str, properties: dict[str, str]) -> None:
    assert not Unit("hub", properties).may_write(path)
    assert Unit("hub", dict.fromkeys(properties, "no")).may_write(path)
