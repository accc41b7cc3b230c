# SPDX-License-Identifier: GPL-3.0-or-later
"""Users who lose a workspace can no longer reach it, whatever they kept. Uses real UIDs on a real file system, so it needs root."""

import grp
import os
import pwd
import select
import signal
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from child import Child
from jupyterhub_collab.hub import workspace_access
from jupyterhub_collab.hub.workspace_access import GivenAccess
from jupyterhub_collab.hub.workspace_rights import READ, WRITE
from jupyterhub_collab.workspaces import gates, holders, permissions, posix_acl, repair
from jupyterhub_collab.workspaces.processes import all_processes, signal_all
from local_hub import wait_until
from open_place import open_place
from unused_accounts import FIRST

ALICE, BOB, MALLORY, ACCOUNT = range(FIRST + 81, FIRST + 85)
PATIENCE = 30  # seconds for anything, because the machine may be busy
CROWD = 65600  # the first UID of the accounts of a crowd
NUMBERS = {"alice": ALICE, "bob": BOB, "project-rain": ACCOUNT}
GROUPS = permissions.Groups(FIRST + 91, FIRST + 92)
WORKSPACE, OF = "rain/files", {"rain/files": "project-rain"}
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change file owners")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with open_place() as place:
        yield place


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GivenAccess:
    """Return a workspace with one file, which no user has been given yet."""
    directory = tmp_path / WORKSPACE
    directory.mkdir(parents=True)
    os.chown(directory, ACCOUNT, ACCOUNT)
    with permissions.opened(str(directory)) as opened:
        permissions.open_directory(opened, GROUPS)
    (directory / "below").mkdir()
    (directory / "below" / "file").write_text("text")
    monkeypatch.setattr(gates, "STATE", str(tmp_path / "state"))
    monkeypatch.setattr(workspace_access, "numbers_of", lambda workspace: GROUPS)
    monkeypatch.setattr(GivenAccess.settle, "__defaults__", (PATIENCE,))

    def getpwnam(name: str) -> pwd.struct_passwd:
        kind, _dash, number = name.partition("-")
        uid = CROWD + int(number) if kind == "crowd" else NUMBERS[name]
        return pwd.struct_passwd((name, "x", uid, uid, "", "/", ""))

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    monkeypatch.setattr(grp, "getgrall", lambda: [struct_group(GROUPS.writers), struct_group(GROUPS.readers)])
    monkeypatch.setattr(grp, "getgrgid", struct_group)
    return GivenAccess(str(tmp_path))


def struct_group(number: int) -> grp.struct_group:
    return grp.struct_group((f"group{number}", "x", number, []))


def session(number: int, program: str, *groups: int) -> list[str]:
    """Return the command of a program that runs as an account, in a session that was started with these groups."""
    modules = "array, ctypes, mmap, os, signal, socket, subprocess, sys, threading, time"
    code = f"import {modules}; os.setgroups({groups!r}); os.setgid({number}); os.setuid({number})\n{program}"
    return [sys.executable, "-I", "-c", code]


def opens(given: GivenAccess, mode: str, number: int, *groups: int) -> bool:
    path = os.path.join(given.root, WORKSPACE, "below", "file")
    command = session(number, f"open({path!r}, {mode!r})", *groups)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "Permission denied" in done.stderr, done
    return done.returncode == 0


def reads(given: GivenAccess, number: int, *groups: int) -> bool:
    return opens(given, "r", number, *groups)


def writes(given: GivenAccess, number: int, *groups: int) -> bool:
    return opens(given, "r+", number, *groups)


def test_who_has_a_workspace_and_nobody_else_passes(given: GivenAccess) -> None:
    """Only users of the workspace can open it: membership in its group alone, as a setgid program grants it, is not enough."""
    given.note("alice", "alice", {WORKSPACE: WRITE})
    assert given.settle({"alice": {WORKSPACE: WRITE}}, OF).problems == []
    assert writes(given, ALICE, GROUPS.writers)
    assert writes(given, ACCOUNT, GROUPS.writers)
    assert not reads(given, MALLORY, GROUPS.writers)
    assert not reads(given, ALICE)


def test_who_loses_a_workspace_is_out_and_in_again(given: GivenAccess) -> None:
    given.note("bob", "bob", {WORKSPACE: READ})
    given.settle({"bob": {WORKSPACE: READ}}, OF)
    assert reads(given, BOB, GROUPS.readers) and not writes(given, BOB, GROUPS.readers)
    assert given.settle({}, OF).lost == [("bob", WORKSPACE)]
    assert not reads(given, BOB, GROUPS.readers)
    assert given.settle({}, OF).lost == []
    given.settle({"bob": {WORKSPACE: READ}}, OF)
    assert reads(given, BOB, GROUPS.readers)


def test_who_may_only_read_by_now_writes_no_more_below(given: GivenAccess) -> None:
    """A user who goes from writing to reading can no longer write. They can read once none of their processes has the writers' group."""
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    with Child(
        session(BOB, "print(flush=True); time.sleep(60)", GROUPS.writers), stdout=subprocess.PIPE
    ) as running:
        assert running.stdout and running.stdout.readline()
        given.settle({"bob": {WORKSPACE: READ}}, OF)
        assert not writes(given, BOB, GROUPS.writers)
    given.settle({"bob": {WORKSPACE: READ}}, OF)
    assert reads(given, BOB, GROUPS.readers) and not writes(given, BOB, GROUPS.readers)


def test_hub_that_is_started_anew_knows_who_was_in_once(given: GivenAccess) -> None:
    """A restarted hub remembers everyone who ever had the workspace, because programs and sessions from back then may still be running."""
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.note("bob", "bob", {})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    anew = GivenAccess(given.root)
    anew.load()
    assert anew.settle({}, OF).lost == [("bob", WORKSPACE)]
    assert not reads(given, BOB, GROUPS.writers)


@contextmanager
def inside(
    given: GivenAccess, place: str, program: str, number: int = BOB, root: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in the background. root: whether it starts as root."""
    command = session(0 if root else number, f"{program}\nprint(flush=True); time.sleep(60)", GROUPS.writers)
    with Child[bytes](command, stdout=subprocess.PIPE, cwd=place) as running:
        assert running.stdout and running.stdout.readline()
        yield running


@pytest.mark.parametrize(
    ("place", "program"),
    [
        ("below", ""),
        ("", "f = open('below/file'); os.chdir('/')"),
        ("", "d = os.open('below', os.O_RDONLY); os.chdir('/')"),
        ("", "f = open('below/file'); m = mmap.mmap(f.fileno(), 0, prot=1); f.close(); os.chdir('/')"),
    ],
    ids=["working directory", "file", "directory", "memory"],
)
def test_what_was_open_ends(given: GivenAccess, place: str, program: str) -> None:
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    directory = os.path.join(given.root, WORKSPACE, place)
    with inside(given, directory, program) as running, inside(given, "/", "") as elsewhere:
        given.settle({}, OF)
        assert running.wait(PATIENCE)
        assert elsewhere.poll() is None


OWN_GROUP = f"os.makedirs('a/b'); os.chown('a/b', -1, {BOB}); os.chdir('a/b')"
APART = """
def stay():
    assert ctypes.CDLL(None).unshare({flag}) == 0
    {what}
    ready.set()
    time.sleep(60)

ready = threading.Event()
threading.Thread(target=stay, daemon=True).start()
ready.wait()
os.chdir('/')
"""


# io_uring_setup; io_uring_register for the file, and for the ring itself.
RING = """
c = ctypes.CDLL(None)
call = c.syscall
ring, f = call(425, 4, ctypes.create_string_buffer(120)), os.open('below/file', 0)
assert ring >= 0 and c.mmap(None, 4096, 3, 1, ring, 0)

assert call(427, ring, 2, (ctypes.c_int * 1)(f), 1) == 0
assert call(427, ring, 20, (ctypes.c_uint * 4)(2**32 - 1, 0, ring, 0), 1) == 1
os.close(ring)
os.close(f)
os.chdir('/')
"""
IO_URING = Path("/proc/sys/kernel/io_uring_disabled")


@pytest.mark.parametrize(
    "program",
    [
        f"f = open('mine', 'w'); os.fchown(f.fileno(), -1, {BOB}); os.chdir('/')",
        OWN_GROUP,
        f"{OWN_GROUP}\nif not os.fork():\n    for _time in range(10**6): os.chown('.', -1, {BOB})",
        "a, b = socket.socketpair(); d = os.open('below', 0); socket.send_fds(a, [b'x'], [d]); os.close(d); os.chdir('/')",
        "c = ctypes.CDLL(None); c.inotify_add_watch(c.inotify_init(), b'below', 0x100); os.chdir('/')",
        RING,
        APART.format(flag=0x200, what="os.chdir('below')"),
        APART.format(flag=0x400, what="global f; f = open('below/file')"),
    ],
    ids=[
        "file with another group",
        "working directory with another group",
        "group that keeps changing",
        "descriptor in transit",
        "inotify watch",
        "io_uring without a descriptor",
        "thread's working directory",
        "thread's file",
    ],
)
def test_what_was_hidden_ends(given: GivenAccess, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that hide their use of the workspace end, too.

    The owner of a file can give it another group, and a process can hold files that its list of open files does not show.
    """
    if program is RING and IO_URING.exists() and IO_URING.read_text() != "0\n":
        pytest.skip("io_uring is not available")
    monkeypatch.setattr(repair, "numbers_of", lambda workspace: GROUPS)
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    with (
        inside(given, os.path.join(given.root, WORKSPACE), program) as running,
        inside(given, "/", "") as other,
    ):
        given.settle({}, OF)
        repair.repair(given.root, OF, separate=True, lost={WORKSPACE: ["bob"]})
        assert running.wait(PATIENCE)
        assert other.poll() is None


def test_hub_does_not_wait_for_what_does_not_end(given: GivenAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A former member's processes fork faster than they are killed. The hub continues at once, and again at its next look."""
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    looks: list[int] = []

    def users(*_arguments: object, **_options: object) -> list[int]:
        looks.append(1)
        return [2**22 + 1]

    monkeypatch.setattr(holders, "users", users)
    with inside(given, "/", ""):
        for _time in range(2):
            assert given.settle({}, OF).lost == [("bob", WORKSPACE)]
    # It pauses after each look, so a busy machine looks less often, never more.
    assert 2 <= len(looks) <= 20, "the hub goes on looking"


# Forks and exits without a pause, so that each process is gone before a list of all processes reaches it.
CHAIN = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
"""


def test_who_may_only_read_by_now_logs_in_without_the_writers(
    given: GivenAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who may only read by now leaves the writers' group on the host, even if they have no process. They may log in with SSH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    said = tmp_path / "said"
    (programs / "gpasswd").write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    (programs / "gpasswd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    members = grp.struct_group(("rain-files-rw", "x", GROUPS.writers, ["alice", "bob"]))
    monkeypatch.setattr(grp, "getgrgid", {GROUPS.writers: members}.__getitem__)
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    assert not said.exists()
    given.settle({"bob": {WORKSPACE: READ}}, OF)
    assert said.read_text() == "--delete bob rain-files-rw\n"


def test_hub_looks_at_all_processes_once_for_all_who_may_only_read_by_now(
    given: GivenAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub waits for it, and each user can have many processes."""
    looks = []

    def look() -> Iterator[tuple[int, list[int], list[int]]]:
        looks.append(1)
        return all_processes()

    monkeypatch.setattr(workspace_access, "all_processes", look)
    readers = crowd(given, 50)
    given.all |= {account: {"user": account, gates.RIGHTS: {WORKSPACE: WRITE}} for account in readers}
    assert given.settle(readers, OF).problems == []
    assert len(looks) == 1
    assert reads(given, CROWD + 49, GROUPS.readers) and not writes(given, CROWD + 49, GROUPS.readers)


def test_writer_that_is_in_no_list_keeps_its_user_out(given: GivenAccess) -> None:
    """A user who may only read by now leaves a process with the writers' group that forks and exits all the time. They cannot write."""
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    ends, held = os.pipe()
    command = session(BOB, CHAIN, GROUPS.writers)
    with Child(command, stdout=subprocess.PIPE, pass_fds=[held]) as running:
        os.close(held)
        assert running.stdout and running.stdout.readline()
        given.settle({"bob": {WORKSPACE: READ}}, OF)
        assert not writes(given, BOB, GROUPS.writers)
        signal_all(BOB, signal.SIGKILL)
        assert select.select([ends], [], [], PATIENCE)[0]
    os.close(ends)

    def is_let_in() -> bool:
        given.settle({"bob": {WORKSPACE: READ}}, OF)
        return reads(given, BOB, GROUPS.readers)

    # A process closes its pipe a moment before it is gone, and is in the lists until then.
    wait_until(is_let_in)


def test_what_is_in_no_list_ends(given: GivenAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who loses a workspace leaves a process in it that forks and exits all the time. Their other processes continue."""
    monkeypatch.setattr(repair, "numbers_of", lambda workspace: GROUPS)
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    ends, held = os.pipe()
    command = session(BOB, CHAIN, GROUPS.writers)
    place = os.path.join(given.root, WORKSPACE, "below")
    with (
        inside(given, "/", "") as other,
        Child(command, stdout=subprocess.PIPE, cwd=place, pass_fds=[held]) as running,
    ):
        os.close(held)
        assert running.stdout and running.stdout.readline()
        given.settle({}, OF)
        repair.repair(given.root, OF, separate=True, lost={WORKSPACE: ["bob"]})
        assert select.select([ends], [], [], PATIENCE)[0], "a process in the workspace still has the pipe"
        assert other.poll() is None
        status = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[0]
        assert status in "RS", "it was not continued"
    os.close(ends)


def test_what_was_handed_to_someone_else_ends(given: GivenAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of another account that was handed an open file ends. Users who still have the workspace keep their open files."""
    monkeypatch.setattr(repair, "numbers_of", lambda workspace: GROUPS)
    rights = {"bob": {WORKSPACE: WRITE}, "alice": {WORKSPACE: WRITE}}
    for name, each in rights.items():
        given.note(name, name, each)
    given.settle(rights, OF)
    path = os.path.join(given.root, WORKSPACE, "below/file")
    handed = f"f = open({path!r})\nos.setgroups([]); os.setgid({MALLORY}); os.setuid({MALLORY})"
    with (
        inside(given, "/", handed, root=True) as accomplice,
        inside(given, "/", f"f = open({path!r})", number=ALICE) as hers,
        inside(given, "/", "", number=MALLORY) as another,
    ):
        given.settle({"alice": rights["alice"]}, OF)
        assert accomplice.poll() is None
        repair.repair(given.root, OF, separate=True, lost={WORKSPACE: ["bob"]})
        assert accomplice.wait(PATIENCE)
        assert hers.poll() is None and another.poll() is None


def test_mount_of_ones_own_ends(given: GivenAccess) -> None:
    """A process that mounted a directory of the workspace in its own user namespace ends: no access list guards that mount."""
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    workspace = os.path.join(given.root, WORKSPACE)
    mount = f"mount --bind {workspace}/below /mnt && cat /mnt/file && exec sleep 600"
    command = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c", mount]
    become = ["setpriv", f"--reuid={BOB}", f"--regid={BOB}", f"--groups={GROUPS.writers}", *command]
    with Child(become, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout
        said = running.stdout.readline(4)
        if said != "text":
            pytest.skip(f"unprivileged mounts are not available: {said}{running.stdout.readline()}")
        given.settle({}, OF)
        assert running.wait(PATIENCE)


ALONE = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c"]
OVERLAY = (
    "mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w /mnt/m && "
    "mount -t overlay -o lowerdir=below,upperdir=/mnt/u,workdir=/mnt/w,userxattr none /mnt/m && cd /"
)
NAMESPACE = f"""
command = [*{ALONE!r}, "mount --bind below /mnt && cd / && echo && cat"]
other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert other.stdout.readline()
n = open(f"/proc/{{other.pid}}/ns/mnt")
other.kill()
other.wait()
os.chdir('/')
"""
# fsopen, fsconfig and fsmount. The directory of several layers has the group of the first one.
DETACHED = """
call = ctypes.CDLL(None).syscall
assert ctypes.CDLL(None).unshare(0x10020000) == 0
overlay = call(430, b'overlay', 0)
layers = b'/usr:' + os.path.abspath('below').encode()
assert call(431, overlay, 1, b'lowerdir', layers, 0) == 0 and call(431, overlay, 6, None, None, 0) == 0
mount = call(432, overlay, 0, 0)
assert mount >= 0
os.close(overlay)
os.chdir('/')
f = os.open('file', 0, dir_fd=mount)
os.close(f)
"""
OF_THREAD = f"""
c = ctypes.CDLL(None)
os.makedirs('a/b')
os.chown('a/b', -1, {BOB})
assert c.unshare(0x10020000) == 0
def stay():
    assert c.unshare(0x20000) == 0 and c.mount(b'a/b', b'/mnt', None, 4096, None) == 0
    os.chdir('/')
    ready.set()
    time.sleep(60)

ready = threading.Event()
threading.Thread(target=stay, daemon=True).start()
assert ready.wait(10)
os.chdir('/')
"""


def can_mount() -> bool:
    """Return whether accounts can mount in a user namespace of their own."""
    become = ["setpriv", f"--reuid={BOB}", f"--regid={BOB}", "--clear-groups", *ALONE]
    done = subprocess.run([*become, "mount -t tmpfs none /mnt"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize(
    "program",
    [
        f"os.execvp('unshare', [*{ALONE!r}, {f'{OVERLAY} && echo && exec sleep 60'!r}])",
        NAMESPACE,
        DETACHED,
        OF_THREAD,
    ],
    ids=["overlay", "namespace without a process", "overlay of no namespace", "thread's namespace"],
)
def test_mount_that_is_hidden_ends(given: GivenAccess, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has the workspace only through a mount that no list of mounts tells ends, and no other one."""
    if not can_mount():
        pytest.skip("unprivileged mounts are not available")
    monkeypatch.setattr(repair, "numbers_of", lambda workspace: GROUPS)
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)
    own = "f = open('/proc/self/ns/mnt'); g = open('/dev/null')"
    with (
        inside(given, os.path.join(given.root, WORKSPACE), program) as running,
        inside(given, "/", own) as other,
    ):
        given.settle({}, OF)
        repair.repair(given.root, OF, separate=True, lost={WORKSPACE: ["bob"]})
        assert running.wait(PATIENCE)
        assert other.poll() is None


# A file system of the user's own (FUSE) that answers until it is part of an overlay, and then never again.
SILENT = f"""
import struct
c = ctypes.CDLL(None)
c.prctl(4, 1)
assert c.unshare(0x10020000) == 0
for name, text in (('setgroups', 'deny'), ('uid_map', '{BOB} {BOB} 1'), ('gid_map', '{BOB} {BOB} 1')):
    with open(f'/proc/self/{{name}}', 'w') as file:
        file.write(text)
device = os.open('fuse', os.O_RDWR)
assert c.mount(b'none', b'/mnt', b'tmpfs', 0, None) == 0
os.mkdir('/mnt/own')
os.mkdir('/mnt/both')
options = f'fd={{device}},rootmode=40000,user_id={BOB},group_id={BOB}'
assert c.mount(b'none', b'/mnt/own', b'fuse', 0, options.encode()) == 0
if os.fork() == 0:  # only now, because a device that belongs to no file system cannot be read
    c.prctl(1, signal.SIGKILL)
    directory = struct.pack('=16x6Q12x4I12x', 1, 0, 0, 0, 0, 0, 0o40755, 2, {BOB}, {BOB})
    answers = {{26: struct.pack('=2I12xI40x', 7, 31, 4096), 3: directory, 17: bytes(80), 27: bytes(16)}}
    while True:
        _length, operation, unique = struct.unpack_from('=IIQ', os.read(device, 140000))
        if os.path.exists('/mnt/silent'):
            time.sleep(60)
        if operation not in (2, 36, 42):
            told = answers.get(operation)
            os.write(device, struct.pack('=IiQ', 16 + len(told or b''), -38 if told is None else 0, unique) + (told or b''))
assert c.mount(b'none', b'/mnt/both', b'overlay', 0, b'lowerdir=/mnt/own:/usr') == 0
held = os.open('/mnt/both', os.O_PATH)
open('/mnt/silent', 'w').close()
"""


def test_hub_does_not_wait_for_file_system_of_a_user(
    given: GivenAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A former member has a file open in a file system of their own that does not answer. It holds up neither hub nor repair."""
    if not can_mount() or "fuse\n" not in Path("/proc/filesystems").read_text():
        pytest.skip("unprivileged mounts of FUSE are not available")
    monkeypatch.setattr(repair, "numbers_of", lambda workspace: GROUPS)
    os.mknod(tmp_path / "fuse", stat.S_IFCHR, os.makedev(10, 229))
    (tmp_path / "fuse").chmod(0o666)
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({"bob": {WORKSPACE: WRITE}}, OF)

    def end() -> None:
        given.settle({}, OF)
        repair.repair(given.root, OF, separate=True, lost={WORKSPACE: ["bob"]})

    with inside(given, str(tmp_path), SILENT) as running:
        ending = threading.Thread(target=end, daemon=True)
        ending.start()
        ending.join(PATIENCE)
        assert not ending.is_alive()
        assert running.wait(PATIENCE)


def crowd(given: GivenAccess, size: int) -> dict[str, dict[str, str]]:
    people = {f"crowd-{number}": {WORKSPACE: READ} for number in range(size)}
    given.all |= {account: {"user": account, "shares": rights} for account, rights in people.items()}
    return people


def test_five_hundred_who_have_left_are_out(given: GivenAccess) -> None:
    """Five hundred former users have no access, although a list of them all is too long for the file system."""
    left = crowd(given, 600)
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({**left, "bob": {WORKSPACE: WRITE}}, OF)
    assert given.settle({"bob": {WORKSPACE: WRITE}}, OF).problems == []
    assert writes(given, BOB, GROUPS.writers)
    assert not reads(given, CROWD + 599, GROUPS.readers)
    given.settle({}, OF)
    assert not reads(given, BOB, GROUPS.writers)


def test_more_people_at_once_than_a_list_names(given: GivenAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more users than a list can name, the workspace's groups have access, except users who lost it.

    If those are too many as well, the workspace is closed to everyone, and the reason is reported.
    """
    limit(monkeypatch)
    people = crowd(given, 600)
    given.note("bob", "bob", {WORKSPACE: WRITE})
    assert given.settle(people, OF).problems == []
    assert reads(given, CROWD + 599, GROUPS.readers)
    assert not reads(given, BOB, GROUPS.writers)
    given.all |= {f"crowd-{number}": {"user": "", "shares": {WORKSPACE: READ}} for number in range(600, 1200)}
    told = given.settle(people, OF).problems
    assert (
        len(told) == 1
        and "rain/files is closed to everyone: its file system's access control lists cannot hold" in told[0]
    )
    assert "601 users with access, or 601 without" in told[0]
    for number, group in ((CROWD + 1, GROUPS.readers), (BOB, GROUPS.writers), (CROWD + 1199, GROUPS.readers)):
        assert not reads(given, number, group)
    assert gates.recall()[WORKSPACE].closed


def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit access lists to their length on ext4, because the tests' file system allows longer ones."""
    real = posix_acl.write

    def write(file: int, acl: posix_acl.Acl, attribute: str = posix_acl.ACCESS) -> None:
        if len(acl.encode()) > 4000:
            raise OSError(28, "No space left on device")
        real(file, acl, attribute)

    monkeypatch.setattr(posix_acl, "write", write)


def test_entry_that_an_editor_has_planted_is_of_no_use(given: GivenAccess) -> None:
    """An access list entry that an editor planted has no effect: it is removed when the hub starts, and then only root can add one."""
    directory = os.path.join(given.root, WORKSPACE)
    entries = os.getxattr(directory, posix_acl.ACCESS)
    there = [entries[at : at + 8] for at in range(4, len(entries), 8)]
    there.insert(1, struct.pack("<HHI", 2, 7, MALLORY))
    os.setxattr(directory, posix_acl.ACCESS, entries[:4] + b"".join(there))
    assert reads(given, MALLORY, GROUPS.writers)
    given.note("alice", "alice", {WORKSPACE: WRITE})
    given.settle({"alice": {WORKSPACE: WRITE}}, OF)
    assert not reads(given, MALLORY, GROUPS.writers)
    plant = f"os.setxattr({directory!r}, 'system.posix_acl_access', {bytes(entries)!r})"
    for number in (ACCOUNT, ALICE):
        done = subprocess.run(session(number, plant, GROUPS.writers), capture_output=True, check=False)
        assert b"Operation not permitted" in done.stderr


def test_repair_leaves_the_gate_as_the_hub_has_set_it(
    given: GivenAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.note("bob", "bob", {WORKSPACE: WRITE})
    given.settle({}, OF)
    monkeypatch.setattr(repair, "numbers_of", lambda workspace: GROUPS)
    repair.repair(given.root, OF, separate=True, lost={WORKSPACE: ["bob"]})
    assert not reads(given, BOB, GROUPS.writers)


def test_record_that_somebody_else_is_changing_is_written_later(given: GivenAccess) -> None:
    """A play was stopped while it changed the record of gates. The hub goes on, says so, and records them at the next time."""
    given.load()
    given.note("bob", "bob", {WORKSPACE: WRITE})
    with gates.locked():
        (problem,) = given.settle({"bob": {WORKSPACE: WRITE}}, OF).problems
    assert "records are out of date: another process has been changing" in problem
    assert writes(given, BOB, GROUPS.writers)
    assert gates.recall() == {}
    assert given.settle({"bob": {WORKSPACE: WRITE}}, OF).problems == []
    assert gates.recall() == given.gates


def test_play_forgets_a_workspace_while_the_hub_knows_it(given: GivenAccess) -> None:
    given.load()
    given.settle({}, OF)
    gates.forget(WORKSPACE)
    given.note("bob", "bob", {WORKSPACE: WRITE})
    other = {**OF, "snow/files": "project-rain"}
    os.makedirs(os.path.join(given.root, "snow/files"))
    given.settle({}, OF)
    gates.forget(WORKSPACE)
    given.settle({}, other)
    assert {*gates.recall()} == {"snow/files"}
