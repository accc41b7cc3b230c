# SPDX-License-Identifier: GPL-3.0-or-later
"""No process of a removed account continues, whatever it does to stay. Uses real processes of other accounts, so it needs root."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import account_processes
from ansible_collections.collab.jupyterhub.plugins.module_utils.workspaces import processes

from child import Child
from unused_accounts import FIRST

ACCOUNT, ATTACKER = FIRST + 41, FIRST + 42
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run as other accounts")

PATIENCE = 30  # seconds for anything, because the machine may be busy
FOREVER = "print('runs', flush=True); time.sleep(600)"
# Exits as soon as its fork continues, so that killing the process that was found comes too late.
CHAIN = """
print('runs', flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    time.sleep(0.002)
    if os.fork():
        os._exit(0)
"""


@contextmanager
def running(program: str) -> Iterator[int]:
    command = [sys.executable, "-I", "-c", f"import ctypes, os, signal, time\n{program}"]
    with Child(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "runs\n"
        yield process.pid


@pytest.fixture(autouse=True)
def halts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the file through which senders know of each other."""
    path = tmp_path / "halted"
    monkeypatch.setattr(processes, "HALTS", str(path), raising=False)
    return path


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for processes that ignore SIGTERM before they are killed."""
    monkeypatch.setattr(account_processes, "_wait_until_ended", lambda uid: None)


def test_a_process_has_time_to_save() -> None:
    """SIGKILL comes only after the process has had time to exit."""
    saves = "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), os._exit(7)))"
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import os, signal, time\n{saves}; os.setuid({ACCOUNT}); {FOREVER}",
    ]
    with Child(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "runs\n"
        account_processes.end_processes(ACCOUNT)
        assert process.wait(PATIENCE) == 7


def state_of(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "become",
    [
        f"os.setresuid({ACCOUNT}, {ATTACKER}, {ATTACKER})",
        f"os.setresuid({ATTACKER}, {ACCOUNT}, {ATTACKER})",
        f"os.setresuid({ATTACKER}, {ATTACKER}, {ACCOUNT})",
    ],
    ids=["real", "effective", "saved"],
)
def test_whatever_number_is_the_accounts_counts(become: str) -> None:
    """Every kind of UID counts: a setuid program of an account could become it again, or become the next account with its UID."""
    with running(f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {become}; {FOREVER}") as process:
        assert account_processes.processes_of(ACCOUNT) == [process]
        assert ACCOUNT in account_processes.numbers_in_use()
        account_processes.end_processes(ACCOUNT)
        assert account_processes.processes_of(ACCOUNT) == []


@pytest.mark.parametrize(
    "become", [f"os.setgroups([{ACCOUNT}])", f"os.setresgid(0, 0, {ACCOUNT})"], ids=["further", "saved"]
)
def test_group_of_a_process_is_in_use(become: str) -> None:
    with running(f"{become}; os.setuid({ATTACKER}); {FOREVER}"):
        assert ACCOUNT in account_processes.numbers_in_use()
        assert account_processes.processes_of(ACCOUNT) == []


# System call numbers, because the library's functions change all threads.
EXIT, SETRESUID = {"x86_64": (60, 117), "aarch64": (93, 147)}.get(os.uname().machine, (0, 0))


@pytest.mark.usefixtures("at_once")
@pytest.mark.skipif(not EXIT, reason="unknown system call numbers on this architecture")
@pytest.mark.parametrize(
    ("become", "then"),
    [
        (f"os.setuid({ACCOUNT})", f"system.syscall({EXIT}, 0)"),
        (
            f"os.setresuid({ACCOUNT}, {ATTACKER}, {ATTACKER})",
            f"system.syscall({SETRESUID}, {ATTACKER}, {ATTACKER}, {ATTACKER}); time.sleep(600)",
        ),
    ],
    ids=["first thread has ended", "first thread has another account"],
)
def test_each_thread_counts(become: str, then: str) -> None:
    program = f"""
import ctypes, threading
system = ctypes.CDLL(None)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
{become}

def run():
    while not any(each in open("/proc/self/status").read() for each in ("(zombie)", "Uid:\\t{ATTACKER}")):
        time.sleep(0.01)
    {FOREVER}

threading.Thread(target=run).start()
{then}
"""
    with running(program) as process:
        assert account_processes.processes_of(ACCOUNT) == [process]
        assert ACCOUNT in account_processes.numbers_in_use()
        account_processes.end_processes(ACCOUNT)
        assert account_processes.processes_of(ACCOUNT) == []


@pytest.mark.usefixtures("at_once")
def test_number_that_was_lent_to_an_account_counts() -> None:
    """UIDs that are mapped to an account count, too, as in its rootless container. Here, root acts as newuidmap."""
    become = ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups"]
    if subprocess.run([*become, "unshare", "--user", "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not available")
    lent = ACCOUNT + 10
    program = f"""
import ctypes
ready, go = os.pipe()
child = os.fork()
if child:
    os.waitpid(child, os.WUNTRACED)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{{child}}/{{name}}", "w") as file:
            file.write("0 {ACCOUNT} 1\\n1 {lent} 10\\n")
    os.kill(child, signal.SIGCONT)
    os._exit(0)
system = ctypes.CDLL(None)
os.setgid({ACCOUNT}); os.setuid({ACCOUNT})
assert system.unshare(0x10000000) == 0
os.kill(os.getpid(), signal.SIGSTOP)
os.setuid(1)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
{FOREVER}
"""
    with running(program):
        (process,) = account_processes.processes_of(lent)
        assert account_processes.processes_of(ACCOUNT) == [process]
        account_processes.end_processes(ACCOUNT)
        assert account_processes.processes_of(lent) == []


@pytest.mark.usefixtures("at_once")
def test_process_that_becomes_another_all_the_time() -> None:
    with running(f"signal.signal(signal.SIGTERM, signal.SIG_IGN); os.setuid({ACCOUNT}){CHAIN}"):
        account_processes.end_processes(ACCOUNT)
        assert account_processes.processes_of(ACCOUNT) == []


# As CHAIN, but without a pause: each process is gone before a list of all processes reaches it. Tells that it runs through a pipe.
FAST_CHAIN = """
print('runs', flush=True)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
end = time.monotonic() + 60
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
"""


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "become",
    [f"os.setuid({ACCOUNT})", f"os.setresuid({ATTACKER}, {ACCOUNT}, {ATTACKER})"],
    ids=["account", "another account with its rights"],
)
def test_process_that_is_in_no_list(become: str) -> None:
    """A member leaves a process that forks and exits without a pause. No list of processes ever has it, and it must end all the same.

    Another account can run it with a setuid program of the member, and its other processes continue.
    """
    ends, held = os.pipe()
    os.set_inheritable(held, True)
    program = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {become}{FAST_CHAIN}"
    command = [sys.executable, "-I", "-c", f"import os, signal, time\n{program}"]
    with (
        running(f"os.setuid({ATTACKER}); {FOREVER}") as other,
        Child(command, stdout=subprocess.PIPE, text=True, pass_fds=[held]) as process,
    ):
        assert process.stdout and process.stdout.readline() == "runs\n"
        os.close(held)
        account_processes.end_processes(ACCOUNT)
        ended, _none, _none = select.select([ends], [], [], PATIENCE)
        assert ended, "a process of the account still has the pipe"
        assert state_of(other) in "RS"
    os.close(ends)


def test_numbers_of_a_process_that_is_in_no_list_are_in_use() -> None:
    """A UID and a GID stay in use while the only process that has them forks and exits without a pause."""
    ends, held = os.pipe()
    os.set_inheritable(held, True)
    program = f"os.setgroups([{ACCOUNT}]); os.setuid({ATTACKER}){FAST_CHAIN}"
    command = [sys.executable, "-I", "-c", f"import os, signal, time\n{program}"]
    with Child(command, stdout=subprocess.PIPE, text=True, pass_fds=[held]) as process:
        assert process.stdout and process.stdout.readline() == "runs\n"
        os.close(held)
        for _time in range(5):
            assert {ACCOUNT, ATTACKER} <= account_processes.numbers_in_use()
        processes.signal_all(ATTACKER, signal.SIGKILL)
        assert select.select([ends], [], [], PATIENCE)[0]
    os.close(ends)


@pytest.mark.usefixtures("at_once")
def test_processes_that_stop_all_others() -> None:
    """A member's process stops everything that it can, and so the process that is about to kill it as the account. The play goes on."""
    stops = "print('runs', flush=True)\nkill = ctypes.CDLL(None).kill\nwhile True: kill(-1, signal.SIGSTOP)"
    for _time in range(5):
        with running(f"signal.signal(signal.SIGTERM, signal.SIG_IGN); os.setuid({ACCOUNT})\n{stops}"):
            ending = threading.Thread(target=account_processes.end_processes, args=(ACCOUNT,), daemon=True)
            ending.start()
            ending.join(PATIENCE)
            assert not ending.is_alive()
            assert account_processes.processes_of(ACCOUNT) == []


def test_process_of_another_account_is_not_continued() -> None:
    """Within a session, Linux lets all users continue processes. Those that the administrator has stopped there remain stopped."""
    with Child(["sleep", "600"]) as stopped:
        stopped.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, stopped.pid, os.WSTOPPED)
        processes.signal_all(ACCOUNT, signal.SIGCONT)
        continued = os.waitid(os.P_PID, stopped.pid, os.WCONTINUED | os.WNOHANG)
        assert continued is None


@contextmanager
def halting(*accounts: int) -> Iterator[int]:
    """Halt accounts in another process. Yield its PID."""
    ready, tells = os.pipe()
    child = os.fork()
    if child == 0:
        with processes.halted(accounts):
            os.write(tells, b".")
            signal.pause()
    os.close(tells)
    assert os.read(ready, 1)
    os.close(ready)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_halted_processes_continue_if_the_play_is_killed(number: signal.Signals) -> None:
    """The hub is stopped while a user who has lost a workspace is halted. Their server does not stay stopped."""
    with running(f"os.setuid({ACCOUNT}); {FOREVER}") as process, halting(ACCOUNT) as play:
        os.waitid(os.P_PID, process, os.WSTOPPED)
        os.kill(play, number)
        deadline = time.monotonic() + PATIENCE
        while state_of(process) == "T" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert state_of(process) in "RS"


def test_account_that_is_halted_twice_continues_with_the_end_of_the_last() -> None:
    """Two repairs after two changes of a group. The end of the first one continues nothing that the second one examines."""
    with running(f"os.setuid({ACCOUNT}); {FOREVER}") as process:
        with halting(ACCOUNT, ATTACKER):
            os.waitid(os.P_PID, process, os.WSTOPPED)
            for _time in range(20):
                with processes.halted([ATTACKER + 1, ACCOUNT]):
                    pass
            assert os.waitid(os.P_PID, process, os.WCONTINUED | os.WNOHANG) is None
        os.waitid(os.P_PID, process, os.WCONTINUED)


def test_last_one_that_was_killed_continues_its_accounts() -> None:
    with running(f"os.setuid({ACCOUNT}); {FOREVER}") as process:
        with halting(ACCOUNT) as play:
            os.waitid(os.P_PID, process, os.WSTOPPED)
            with processes.halted([ACCOUNT]):
                os.kill(play, signal.SIGKILL)
                time.sleep(0.5)
                assert os.waitid(os.P_PID, process, os.WCONTINUED | os.WNOHANG) is None
        os.waitid(os.P_PID, process, os.WCONTINUED)


def test_accounts_are_halted_without_the_file(halts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No project is on the host any more, or its file system is full."""
    monkeypatch.setattr(processes, "HALTS", str(halts / "missing"))
    with running(f"os.setuid({ACCOUNT}); {FOREVER}") as process:
        with processes.halted([ACCOUNT]):
            os.waitid(os.P_PID, process, os.WSTOPPED)
        os.waitid(os.P_PID, process, os.WCONTINUED)


def test_all_accounts_are_halted_and_nobody_else() -> None:
    """Accounts are halted together, also what they run with the rights of another one."""
    other = ATTACKER + 1
    with (
        running(f"os.setresuid({other}, {ACCOUNT}, {ACCOUNT}); {FOREVER}") as first,
        running(f"os.setuid({ATTACKER}); {FOREVER}") as second,
        running(f"os.setuid({other}); {FOREVER}") as third,
        halting(ACCOUNT, ATTACKER),
    ):
        for process in (first, second):
            os.waitid(os.P_PID, process, os.WSTOPPED)
        assert state_of(third) in "RS"


# Its threads send a signal to everything that they can reach, all the time.
STRIKE = """
import threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.setuid({account})
kill = ctypes.CDLL(None).kill
def strike():
    while True: kill(-1, {number})
for _time in range(4): threading.Thread(target=strike, daemon=True).start()
print('runs', flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_account_cannot_signal_what_halts_it(number: signal.Signals) -> None:
    """A member's process kills or stops all that it can, and is halted all the same, each time."""
    struck = STRIKE.format(account=ACCOUNT, number=int(number))
    states = []

    def halt() -> None:
        for _time in range(20):
            with running(struck) as process, processes.halted([ACCOUNT]):
                os.waitid(os.P_PID, process, os.WSTOPPED)
                states.append(state_of(process))

    halting = threading.Thread(target=halt, daemon=True)
    halting.start()
    halting.join(2 * PATIENCE)
    assert states == ["T"] * 20


# Sends signals again and again, with a line of its input for each of the two steps.
SENDS = """
sys.path[:] = {path!r}
from ansible_collections.collab.jupyterhub.plugins.module_utils.workspaces import processes
from ansible_collections.collab.jupyterhub.plugins.module_utils.workspaces.processes import halted, signal_all
processes.HALTS = {halts!r}
unshared = ctypes.CDLL(None).unshare({flags})
assert unshared == 0
print('runs', flush=True)
input()
for _time in range(300):
    {what}
"""


@pytest.mark.parametrize("flags", [0, 0x10000000], ids=["host", "container with 65536 UIDs"])
def test_several_at_once(flags: int, halts: Path) -> None:
    """A repair halts accounts while plays halt and remove others, on one host. None waits forever, and all that was halted continues."""
    work = [
        f"with halted([{ACCOUNT}]): pass",
        f"with halted([{ATTACKER + 1}]): pass",
        f"signal_all({ATTACKER}, signal.SIGKILL)",
    ]
    with running(f"os.setuid({ACCOUNT}); {FOREVER}") as process, contextlib.ExitStack() as stack:
        senders = []
        for what in work:
            program = SENDS.format(path=sys.path, halts=str(halts), flags=flags, what=what)
            command = [sys.executable, "-I", "-c", f"import ctypes, os, signal, sys\n{program}"]
            sender = stack.enter_context(
                Child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            assert sender.stdout and sender.stdout.readline() == "runs\n"
            if flags:
                for name in ("uid_map", "gid_map"):
                    Path(f"/proc/{sender.pid}/{name}").write_text("0 0 65536\n")
            senders.append(sender)
        for sender in senders:
            assert sender.stdin
            sender.stdin.write("\n")
            sender.stdin.flush()
        assert [sender.wait(PATIENCE) for sender in senders] == [0, 0, 0]
        assert state_of(process) in "RS"


def test_what_does_not_end_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_processes, "SECONDS_TO_END", 0.1)
    monkeypatch.setattr(account_processes, "_signal", lambda process, number: None)
    monkeypatch.setattr(account_processes, "signal_all", lambda uid, number: None)
    with running(f"os.setuid({ACCOUNT}); {FOREVER}") as process:
        with pytest.raises(account_processes.NotEnded, match=f"process {process} of account {ACCOUNT}"):
            account_processes.end_processes(ACCOUNT)
        os.kill(process, signal.SIGKILL)
