# SPDX-License-Identifier: GPL-3.0-or-later
"""Attempts to stay in a workspace after access has ended, or to get what belonged to others."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from testinfra.host import Host

from people import Person, Server
from scenario import Platform, module, wait_until
from workspaces import COMMENT, CONFIG, MOUNT, RAINFALL, ROOT, SECRET, make, run, tell_hub

pytestmark = [pytest.mark.usefixtures("hub_is_told"), pytest.mark.long]

FILES = f"{ROOT}/rainfall/files"
MEMBERS = "/hub/api/groups/hydrologists/users"
ICE: dict[str, Any] = {"name": "ice", "account": "project-ice", "workspaces": [{"name": "files"}]}


@pytest.fixture(scope="module", autouse=True)
def hydrologists(projects: None, bob: Person, carol: Person) -> None:
    """Bob is in the project through a group of the hub."""
    carol.api("POST", "/hub/api/groups/hydrologists")
    assert carol.api("POST", MEMBERS, {"users": [bob.name]}).status_code == 200


def again(person: Person) -> Server:
    person.stop(person.name)
    return person.open(person.name)


def delete(platform: Platform) -> None:
    gone = make(platform, absent=[{"project": "ice"}])
    assert gone.code == 0, gone.told


def number_of(host: Host, workspace: str) -> int:
    return int(host.check_output(f"stat -c %g {workspace}"))


def test_session_of_a_project_that_is_gone_has_nothing_of_the_next(platform: Platform, host: Host) -> None:
    """It keeps the number of the group, which neither the next project nor the next account of the host gets."""
    assert make(platform, ICE).code == 0
    before = number_of(host, f"{ROOT}/ice/files")
    host.check_output(
        f"systemd-run --unit=old-member --uid=mallory -p SupplementaryGroups={before} sleep 1000"
    )
    try:
        delete(platform)
        assert make(platform, ICE).code == 0
        after = number_of(host, f"{ROOT}/ice/files")
        assert after != before
        assert str(after) not in host.check_output(
            "grep Groups: /proc/$(systemctl show old-member -p MainPID --value)/status"
        )
        host.check_output(f"groupadd --gid {before} other || useradd newcomer")
        assert host.run("id -g newcomer").stdout.strip() not in ("", str(before))
        delete(platform)
    finally:
        host.check_output("systemctl stop old-member; userdel -r newcomer; true")
    # When the last session with the number has ended, the number need not be kept.
    assert f"gone-{before}" in host.check_output("getent group")
    assert make(platform, ICE).code == 0
    delete(platform)
    assert "gone-" not in host.check_output("getent group")


def test_kept_home_is_not_the_next_accounts(platform: Platform, host: Host) -> None:
    told = {"names": ["together"], "comment": COMMENT, "group": "jupyterhub"}
    state = "/var/lib/test-state"
    assert module("shared_accounts", platform.name, **told).code == 0
    number = host.user("together").uid
    host.check_output(
        f"su together -c 'echo secret > ~/secret' && mkdir -p {state}/together/default && chown -R together {state}/together"
    )
    gone = module("shared_accounts", platform.name, **told, state="absent", state_directory=state)
    assert gone.code == 0, gone.output
    assert not host.file(f"{state}/together").exists
    host.check_output(f"useradd --uid {number} newcomer")
    try:
        assert host.run("su newcomer -c 'cat /home/together/secret'").rc != 0
        assert module("shared_accounts", platform.name, **told).code == 0
        assert host.user("together").uid != number
        assert host.check_output("su together -c 'cat ~/secret'") == "secret"
        assert host.run("su newcomer -c 'cat /home/together/secret'").rc != 0
    finally:
        host.check_output("userdel -r newcomer; true")
        module("shared_accounts", platform.name, **told, state="absent", delete_homes=True)
    assert not host.file("/home/together").exists


def test_setuid_program_of_an_account_ends_with_it(platform: Platform, host: Host) -> None:
    """A setuid program that the account started runs as its owner, but could become the account again, so it ends with the account."""
    told = {"names": ["together"], "comment": COMMENT, "group": "jupyterhub"}
    assert module("shared_accounts", platform.name, **told).code == 0
    host.check_output(
        "install -o mallory -m 4755 /usr/bin/sleep /tmp/patient && systemd-run --unit=patient --uid=together /tmp/patient 1000"
    )
    wait_until(lambda: host.run("pgrep -x patient").rc == 0)
    gone = module("shared_accounts", platform.name, **told, state="absent", delete_homes=True)
    assert gone.code == 0, gone.output
    assert host.run("pgrep -x patient").rc != 0
    host.check_output("rm /tmp/patient")


def test_member_makes_no_further_name_elsewhere(alice: Person, host: Host) -> None:
    server = again(alice)
    server.write_file("workspace/rainfall/files/linked.txt", "x")
    screen = run(
        server, f"ln {FILES}/linked.txt ~/one; ln {MOUNT}/rainfall/files/linked.txt ~/other; ls ~/one ~/other"
    )
    assert "Permission denied" in screen and "cross-device" in screen
    assert screen.count("No such file") == 2


def test_further_name_from_elsewhere_is_of_no_use_any_more(
    alice: Person, bob: Person, carol: Person, host: Host
) -> None:
    """A hard link made where sessions see the host's paths, or before there were mounts, is useless after access has ended."""
    mine = again(alice)
    again(bob)
    mine.write_file("workspace/rainfall/files/plan.txt", "first")
    host.check_output(f"ln {FILES}/plan.txt /home/bob/kept && ln {FILES}/plan.txt {FILES}/inside.txt")
    assert carol.api("DELETE", MEMBERS, {"users": ["bob"]}).status_code == 200
    try:
        wait_until(lambda: host.check_output("stat -c %h /home/bob/kept") == "1")
        assert mine.read_file("workspace/rainfall/files/plan.txt") == "first"
        mine.write_file("workspace/rainfall/files/plan.txt", "second")
        assert host.check_output("cat /home/bob/kept") == "first"
        host.check_output("echo wrong > /home/bob/kept")
        assert mine.read_file("workspace/rainfall/files/plan.txt") == "second"
    finally:
        carol.api("POST", MEMBERS, {"users": ["bob"]})
        host.check_output("rm /home/bob/kept")


def test_program_with_the_groups_bit_lets_nobody_in(alice: Person, bob: Person, host: Host) -> None:
    """A setgid program that a member made grants no access to others."""
    again(bob)
    again(alice).write_file("workspace/rainfall/files/kept.txt", "x")
    writers = host.check_output(f"stat -c %G {FILES}")
    host.check_output(f"install -o bob -g {writers} -m 2755 /usr/bin/cat /usr/local/bin/theirs")
    try:
        assert host.check_output(f"runuser -u bob -- /usr/local/bin/theirs {FILES}/kept.txt") == "x"
        assert (
            "Permission denied"
            in host.run(f"runuser -u mallory -- /usr/local/bin/theirs {FILES}/kept.txt").stderr
        )
    finally:
        host.check_output("rm /usr/local/bin/theirs")


def test_nobody_plants_an_entry_on_a_workspace(platform: Platform, host: Host) -> None:
    """Users of the project's server act as its account, and still cannot add entries to a workspace's ACL."""
    code = (
        "import os, sys; os.setxattr(sys.argv[1], 'system.posix_acl_access', "
        "os.getxattr(sys.argv[1], 'system.posix_acl_access'))"
    )
    refused = host.run("runuser -u project-rainfall -- python3 -c %s %s", code, FILES)
    assert "Operation not permitted" in refused.stderr
    assert host.run(f"runuser -u project-rainfall -- touch {FILES}/mine && rm {FILES}/mine").rc == 0
    # The next play removes entries that were added before.
    host.check_output("python3 -c %s", PLANT)
    planted = host.check_output(f"ls -ld {FILES}") and host.run(f"runuser -u mallory -- ls {FILES}")
    assert planted.rc == 0
    make_again = module("project_workspaces", platform.name, **WANTED)
    assert make_again.code == 0, make_again.output
    assert host.run(f"runuser -u mallory -- ls {FILES}").rc != 0


WANTED: dict[str, Any] = {
    "root": ROOT,
    "group": "jupyterhub",
    "comment": COMMENT,
    "projects": [{"name": "rainfall", "account": "project-rainfall", "workspaces": ["files", "data"]}],
}
PLANT = f"""
import os, pwd, struct
path, name = {FILES!r}, "system.posix_acl_access"
entries = os.getxattr(path, name)
mallory = struct.pack("<HHI", 2, 7, pwd.getpwnam("mallory").pw_uid)
there = [entries[at:at + 8] for at in range(4, len(entries), 8)]
os.setxattr(path, name, entries[:4] + b"".join(sorted([*there, mallory], key=lambda e: (struct.unpack("<HHI", e)[0], struct.unpack("<HHI", e)[2]))))
"""


@pytest.fixture
def local_processes(platform: Platform, alice: Person, bob: Person, host: Host) -> Iterator[None]:
    """Servers are the hub's own children. They have groups of the host instead of mounts, and nothing forbids setgid programs there."""
    for person in (alice, bob):
        person.stop(person.name)
    local = "c.JupyterHub.spawner_class = 'jupyterhub.spawner.LocalProcessSpawner'"
    tell_hub(platform, RAINFALL, SECRET, before=local)
    yield
    for person in (alice, bob):
        person.stop(person.name)
        groups = f"id -nG {person.name} | tr ' ' '\n' | grep -E -- '-r[wo]$'"
        host.run(f"for g in $({groups}); do gpasswd -d {person.name} $g; done")


@pytest.mark.usefixtures("local_processes")
def test_local_process_keeps_nothing_either(alice: Person, bob: Person, carol: Person, host: Host) -> None:
    """Bob makes a hard link, a setgid program and an entry for mallory while he has access. None of them is of use afterwards."""
    mine, theirs = again(alice), again(bob)
    mine.write_file("workspace/rainfall/files/plan.txt", "first")
    writers = host.check_output(f"stat -c %G {FILES}")
    theirs.write_file("plant.py", PLANT.replace(FILES, f"{FILES}/planted"))
    screen = run(
        theirs,
        f"mkdir {FILES}/planted && python3 ~/plant.py && ln {FILES}/plan.txt ~/kept && cp /usr/bin/cat ~/theirs && "
        f"chgrp {writers} ~/theirs && chmod 2755 ~/theirs && echo all''made",
    )
    try:
        assert "allmade" in screen, screen
        assert "Permission denied" in host.run(f"runuser -u mallory -- ls {FILES}/planted").stderr
        assert host.check_output(f"runuser -u bob -- /home/bob/theirs {FILES}/plan.txt") == "first"
        assert carol.api("DELETE", MEMBERS, {"users": ["bob"]}).status_code == 200
        wait_until(lambda: host.run(f"runuser -u bob -- /home/bob/theirs {FILES}/plan.txt").rc != 0)
        wait_until(lambda: host.check_output("stat -c %h /home/bob/kept") == "1")
        mine.write_file("workspace/rainfall/files/plan.txt", "second")
        assert host.check_output("cat /home/bob/kept") == "first"
    finally:
        carol.api("POST", MEMBERS, {"users": ["bob"]})
        host.check_output(f"rm -rf /home/bob/plant.py /home/bob/kept /home/bob/theirs {FILES}/planted")


def test_shell_that_stands_in_a_workspace_ends_with_the_right(bob: Person, carol: Person, host: Host) -> None:
    server = again(bob)
    run(server, f"mkdir -p {MOUNT}/rainfall/files/deep")
    with server.open_terminal() as terminal:
        terminal.type(f"cd {MOUNT}/rainfall/files/deep && exec sleep 997")
        wait_until(lambda: host.run("pgrep -u bob -f 'sleep 997'").rc == 0)
        assert carol.api("DELETE", MEMBERS, {"users": ["bob"]}).status_code == 200
        try:
            looked = host.run("readlink /proc/$(pgrep -u bob -f 'sleep 997' | head -n1)/cwd")
            if looked.rc == 0 or host.run("pgrep -u bob -f 'sleep 997'").rc != 0:  # root can read it here
                wait_until(lambda: host.run("pgrep -u bob -f 'sleep 997'").rc != 0)
        finally:
            carol.api("POST", MEMBERS, {"users": ["bob"]})
            host.run("pkill -u bob -f 'sleep 997'")
    assert json.loads(host.check_output("cat /var/lib/jupyterhub-projects/gates.json"))["rainfall/files"][
        "by_name"
    ]


# Takes the hub's port as soon as it is free, in every way that the kernel offers.
TAKER = """
import socket, time
while True:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        taken.bind((\"127.0.0.1\", 8081))
        taken.listen()
        break
    except OSError:
        time.sleep(0.001)
open(\"/tmp/taken\", \"w\")
time.sleep(1000)
"""


def test_nobody_takes_the_hubs_port_while_it_restarts(platform: Platform, host: Host) -> None:
    host.check_output("rm -f /tmp/taken; systemd-run --unit=taker --uid=mallory python3 -c %s", TAKER)
    try:
        before = host.check_output("systemctl show jupyterhub -p InvocationID")
        tell_hub(platform, RAINFALL, SECRET, before="# another start")
        assert host.check_output("systemctl show jupyterhub -p InvocationID") != before
        assert host.check_output("systemctl is-active taker") == "active"
        assert not host.file("/tmp/taken").exists
    finally:
        host.check_output("systemctl stop taker; rm -f /tmp/taken")


def test_who_has_taken_it_is_not_taken_for_the_hub(platform: Platform, host: Host) -> None:
    """An account that took the port while the hub was down for another reason is not mistaken for the hub."""
    host.check_output("systemctl stop jupyterhub")
    host.check_output("rm -f /tmp/taken; systemd-run --unit=taker --uid=mallory python3 -c %s", TAKER)
    try:
        wait_until(lambda: host.file("/tmp/taken").exists)
        said = {"path": CONFIG, "fragment": "71-other", "content": "# nothing"}
        failed = module("hub_config", platform.name, **said)
        assert failed.code != 0
        assert "of account mallory listens at 127.0.0.1:8081 instead of the hub" in failed.said
    finally:
        host.check_output(
            "systemctl stop taker; rm -f /tmp/taken; systemctl reset-failed jupyterhub; systemctl start jupyterhub"
        )
        module("hub_config", platform.name, path=CONFIG, fragment="71-other", state="absent")
