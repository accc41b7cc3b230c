# SPDX-License-Identifier: GPL-3.0-or-later
"""What users find of their projects in sessions, and what happens to it when they leave a project."""

import json

import httpx
import pytest
from testinfra.host import Host

from people import Person, Server
from people.server import notebook
from scenario import Platform, wait_until
from workspaces import MOUNT, RAINFALL, ROOT, SECRET, is_refusal, make, run, tell_hub

from .conftest import Sessions

pytestmark = pytest.mark.usefixtures("hub_is_told")

FILES, DATA = "workspace/rainfall/files", "workspace/rainfall/data"
MEMBERS = "/hub/api/groups/hydrologists/users"


@pytest.fixture(scope="module", autouse=True)
def hydrologists(projects: None, bob: Person, carol: Person) -> None:
    """Bob is in the project through a group of the hub."""
    carol.api("POST", "/hub/api/groups/hydrologists")
    assert carol.api("POST", MEMBERS, {"users": [bob.name]}).status_code == 200


def writable(server: Server, path: str, text: str) -> bool:
    """Return whether a person's JupyterLab can save a file that another person created."""
    form = {"type": "file", "format": "text", "content": text}
    answer = server.api("PUT", f"api/contents/{path}", form)
    return answer.status_code in (200, 201) and server.read_file(path) == text


def test_file_browser_shows_the_workspaces(sessions: Sessions, alice: Person, host: Host) -> None:
    """Requirements 85 to 87: the file browser shows the workspaces, through a link that belongs to the user."""
    server = sessions.of(alice)
    assert server.contents.names("workspace") == ["rainfall"]
    assert sorted(server.contents.names("workspace/rainfall")) == ["data", "files"]
    assert f"{MOUNT}/rainfall/files" in run(server, f"cd {MOUNT}/rainfall/files && pwd -P")
    assert host.file("/home/alice/workspace").linked_to == MOUNT
    assert host.check_output("stat -c %U /home/alice/workspace") == "alice"


def test_both_edit_each_others_notebooks(sessions: Sessions, alice: Person, bob: Person) -> None:
    """Requirement 81: both edit each other's notebooks, with checkpoints and in new folders."""
    ours = {"alice": sessions.of(alice), "bob": sessions.of(bob)}
    for mine, theirs in (("alice", "bob"), ("bob", "alice")):
        folder = f"{FILES}/of {mine}"
        ours[mine].contents.put(folder, {"type": "directory"})
        path = f"{folder}/note.ipynb"
        ours[mine].create_notebook(path, "1")
        assert ours[mine].api("POST", f"api/contents/{path}/checkpoints").status_code == 201
        wish = {"type": "notebook", "format": "json", "content": notebook("2")}
        assert ours[theirs].api("PUT", f"api/contents/{path}", wish).status_code == 200
        assert ours[theirs].api("POST", f"api/contents/{path}/checkpoints").status_code == 201
        assert json.loads(ours[mine].read_file(path))["cells"][0]["source"] == ["2"]
        ours[theirs].contents.rename(path, f"{folder}/renamed.ipynb")
        ours[theirs].contents.delete(f"{folder}/renamed.ipynb")


def test_what_tools_make_is_everyones(sessions: Sessions, alice: Person, bob: Person) -> None:
    """At once if a tool leaves modes to the directory, and after the next repair if it sets modes of its own."""
    mine, theirs = sessions.of(alice), sessions.of(bob)
    run(
        mine,
        f"cd ~/{FILES} && umask 077 && touch touched && mkdir -p made/below && touch made/below/file && "
        'python3 -c \'open("written", "w")\'',
    )
    for name in ("touched", "made/below/file", "written"):
        assert writable(theirs, f"{FILES}/{name}", name), name
    run(
        mine,
        f"cd ~/{FILES} && umask 077 && echo x > ~/private && cp -p ~/private copied && mv ~/private moved && "
        "install -m 600 /etc/hostname installed && touch closed && chmod 600 closed && "
        'python3 -c \'import os, tempfile; os.rename(tempfile.mkstemp(dir=".")[1], "replaced")\'',
    )
    left = {"copied", "moved", "installed", "closed", "replaced"}

    def all_are_writable() -> bool:
        left.difference_update([name for name in left if writable(theirs, f"{FILES}/{name}", "theirs")])
        return not left

    wait_until(all_are_writable, 30)


def test_reader_opens_and_does_not_save(sessions: Sessions, alice: Person, carol: Person) -> None:
    """Requirement 82: readers open files, and cannot save them."""
    mine, reader = sessions.of(alice), sessions.of(carol)
    mine.write_file(f"{DATA}/table.csv", "1,2")
    assert sorted(reader.contents.names("workspace")) == ["rainfall", "secret"]
    assert reader.contents.names("workspace/rainfall") == ["data"]
    assert reader.read_file(f"{DATA}/table.csv") == "1,2"
    form = {"type": "file", "format": "text", "content": "3"}
    for path in (f"{DATA}/table.csv", f"{DATA}/new.csv"):
        answer = reader.api("PUT", f"api/contents/{path}", form)
        assert is_refusal(answer), answer.text
    assert mine.read_file(f"{DATA}/table.csv") == "1,2"
    # Neither by the path on the host, nor anything of the workspace that she has no access to.
    screen = run(
        reader, f"touch {ROOT}/rainfall/data/x; ls {ROOT}/rainfall/files; ls {ROOT}; ls {ROOT}/rainfall"
    )
    assert screen.count("Permission denied") == 4


def test_outsider_sees_nothing(sessions: Sessions, alice: Person, host: Host) -> None:
    """Requirement 80: users who are not in a project see nothing of it."""
    server = sessions.of(alice)
    seen = run(server, f"ls -R {MOUNT}; ls {ROOT}")
    assert "rainfall" in seen and "secret" not in seen
    host.check_output("touch %s", f"{ROOT}/secret/files/hers")
    assert "Permission denied" in run(server, f"cat {ROOT}/secret/files/hers")
    assert "Permission denied" in host.run("runuser -u mallory -- ls %s", f"{ROOT}/rainfall/files").stderr


@pytest.mark.long
def test_anyone_who_loses_a_group_is_out_at_once(sessions: Sessions, bob: Person, carol: Person) -> None:
    """In a running session, access ends through JupyterLab and by the host's paths, and returns with the group."""
    server = sessions.of(bob)
    server.write_file(f"{FILES}/before.txt", "x")
    assert carol.api("DELETE", MEMBERS, {"users": ["bob"]}).status_code == 200
    try:
        wait_until(lambda: is_out(server, f"{FILES}/before.txt"))
        assert "Permission denied" in run(
            server, f"cat {ROOT}/rainfall/files/before.txt {MOUNT}/rainfall/files/before.txt"
        )
    finally:
        assert carol.api("POST", MEMBERS, {"users": [bob.name]}).status_code == 200
    wait_until(lambda: server.api("GET", f"api/contents/{FILES}/before.txt").status_code == 200)
    assert writable(server, f"{FILES}/before.txt", "after")


@pytest.mark.long
def test_anyone_who_leaves_the_list_is_out_when_the_hub_has_it(
    sessions: Sessions, platform: Platform, alice: Person, host: Host
) -> None:
    """A restarted hub still knows what a session was given before, and ends access to it."""
    server = sessions.of(alice)
    server.write_file(f"{DATA}/mine.txt", "x")
    reader = {
        **RAINFALL,
        "edit": {"groups": ["hydrologists"]},
        "workspaces": [{"name": "files"}, {"name": "data", "read": {"users": ["alice"]}}],
    }
    tell_hub(platform, reader, SECRET)
    try:
        assert is_out(server, FILES)
        # Nor can the session read what its user may now only read, because it still has the group of the writers.
        assert is_out(server, f"{DATA}/mine.txt")
        # The next play does not change that.
        assert not make(platform, RAINFALL, SECRET).changed
        assert is_out(server, FILES)
        server = sessions.new(alice)
        assert server.contents.names("workspace/rainfall") == ["data"]
        assert server.read_file(f"{DATA}/mine.txt") == "x"
        assert is_refusal(try_to_write(server, f"{DATA}/new.txt"))
    finally:
        tell_hub(platform, RAINFALL, SECRET)
    assert sorted(sessions.of(alice).contents.names("workspace/rainfall")) == ["data", "files"]


def try_to_write(server: Server, path: str) -> httpx.Response:
    return server.api("PUT", f"api/contents/{path}", {"type": "file", "format": "text", "content": ""})


def is_out(server: Server, path: str) -> bool:
    """Return whether a person cannot read an existing file or directory.

    A directory that the account cannot search looks empty. If Jupyter Server cannot even look there, it returns status 500 without
    a reason, so the shell has to say it.
    """
    status = server.api("GET", f"api/contents/{path}").status_code
    return status in (403, 404) or (status == 500 and "Permission denied" in run(server, f"ls ~/{path}"))


BREAKING = [
    "mv {workspace} {workspace}.away",
    "mv {workspace} {workspace}.away && touch {workspace}",
    "mv {workspace} {workspace}.away && ln -s /etc {workspace}",
]


def test_broken_workspace_is_a_note_and_no_dead_session(
    sessions: Sessions, alice: Person, host: Host
) -> None:
    """Requirement 90: a workspace that is broken becomes a note, and the session starts all the same."""
    workspace = f"{ROOT}/rainfall/files"
    for breaking in BREAKING:
        host.check_output(breaking.format(workspace=workspace))
        since = host.check_output("date +%s")
        try:
            server = sessions.new(alice)
            names = sorted(server.contents.names("workspace/rainfall"))
            assert names == ["data", "files.is-not-there.txt"], breaking
            assert "Tell the hub's administrator" in server.read_file(
                "workspace/rainfall/files.is-not-there.txt"
            )
            said = host.check_output(f"journalctl --unit=jupyterhub --since=@{since} --no-pager")
            assert "alice starts without workspace rainfall/files" in said, breaking
        finally:
            host.check_output(f"rm -f {workspace}; mv {workspace}.away {workspace}")
    assert "files" in sessions.new(alice).contents.names("workspace/rainfall")


@pytest.mark.long
def test_name_in_the_home_that_is_taken_stays(sessions: Sessions, alice: Person, host: Host) -> None:
    host.check_output(
        "rm /home/alice/workspace && runuser -u alice -- mkdir /home/alice/workspace && touch /home/alice/workspace/own"
    )
    try:
        server = sessions.new(alice)
        assert server.contents.names("workspace") == ["own"]
        assert "/home/alice/workspace already exists" in host.check_output(
            "journalctl --unit=jupyterhub --since=-60s --no-pager"
        )
    finally:
        host.check_output("rm -r /home/alice/workspace")
        sessions.end(alice)


@pytest.mark.long
def test_link_of_a_member_lets_root_change_nothing(sessions: Sessions, alice: Person, host: Host) -> None:
    """Neither the repair nor the play follows a link, not even a directory that becomes one while it is walked."""
    host.check_output(
        "mkdir -m 700 -p /root/private && echo x > /root/private/file && chmod 600 /root/private/file"
    )
    before = host.check_output("stat -c '%a %U %G' /root/private /root/private/file /etc/shadow")
    server = sessions.of(alice)
    run(
        server,
        f"cd ~/{FILES} && ln -s /root/private linked && ln -s /etc/shadow shadow && mkdir swapped && "
        "(for i in $(seq 300); do mv swapped other; ln -s /etc swapped; rm swapped; mv other swapped; done) && chmod 000 swapped",
    )
    wait_until(lambda: host.run(f"stat -c %a {ROOT}/rainfall/files/swapped").stdout.strip() == "2770", 30)
    assert host.check_output("stat -c '%a %U %G' /root/private /root/private/file /etc/shadow") == before


OWN = 'c.SystemdSpawner.unit_extra_properties = {"SupplementaryGroups": "tty", "BindReadOnlyPaths": "/etc:/opt", "TasksMax": "321"}'


@pytest.mark.long
@pytest.mark.hub_with(OWN)
def test_administrators_own_properties_stay(sessions: Sessions, alice: Person, host: Host) -> None:
    for _time in range(2):
        server = sessions.new(alice)
        assert "rainfall" in server.contents.names("workspace")
        shown = host.check_output("systemctl show jupyter-alice-singleuser -p TasksMax,SupplementaryGroups")
        assert "TasksMax=321" in shown and "tty" in shown
        assert "passwd" in run(server, "ls /opt")


@pytest.mark.long
@pytest.mark.hub_with("import jupyterhub_collab.hub.workspace_mounts as m; m.PLACE = 'NoSuchProperty'")
def test_host_that_mounts_nothing_has_links(
    sessions: Sessions, platform: Platform, alice: Person, host: Host
) -> None:
    """If nothing can be mounted, as in some containers, the session starts, and JupyterLab shows the workspaces through links."""
    server = sessions.of(alice)
    assert sorted(server.contents.names("workspace/rainfall")) == ["data", "files"]
    assert writable(server, f"{FILES}/linked.txt", "x")
    tell_hub(platform, RAINFALL, SECRET)
    sessions.of(alice)
    assert host.file("/home/alice/workspace").linked_to == MOUNT


ROLE = 'c.JupyterHub.load_roles = [{"name": "rain", "users": ["alice"], "scopes": ["servers!server=project-rainfall/", "access:servers!server=project-rainfall/"]}, {"name": "accounts", "users": ["project-rainfall"], "scopes": ["self"]}]'


@pytest.mark.long
@pytest.mark.hub_with(ROLE)
def test_projects_own_server_writes_everywhere(sessions: Sessions, alice: Person) -> None:
    mine, together = sessions.of(alice), alice.open("project-rainfall")
    try:
        mine.write_file(f"{FILES}/of-alice.txt", "x")
        assert writable(together, f"{FILES}/of-alice.txt", "y")
        together.write_file(f"{DATA}/of-all.txt", "x")
        assert writable(mine, f"{DATA}/of-all.txt", "y")
    finally:
        alice.stop("project-rainfall")


@pytest.mark.long
def test_setgid_program_of_former_times_does_not_help(
    sessions: Sessions, bob: Person, carol: Person, host: Host
) -> None:
    """It was made while in the group and kept in the home directory, and does not help in a shell that allows such bits."""
    server = sessions.of(bob)
    server.write_file(f"{FILES}/kept.txt", "x")
    writers = host.check_output(f"stat -c %G {ROOT}/rainfall/files")
    run(server, f"cp /usr/bin/cat ~/mine && chgrp {writers} ~/mine && chmod 2755 ~/mine")
    # The session may not be able to set this bit, so root does.
    host.check_output("chmod 2755 /home/bob/mine")
    assert host.check_output("stat -c %a /home/bob/mine") == "2755"
    path = f"{ROOT}/rainfall/files/kept.txt"
    assert host.check_output(f"runuser -u bob -- /home/bob/mine {path}") == "x"
    assert carol.api("DELETE", MEMBERS, {"users": ["bob"]}).status_code == 200
    try:
        sessions.new(bob)
        assert "Permission denied" in host.run(f"runuser -u bob -- /home/bob/mine {path}").stderr
    finally:
        carol.api("POST", MEMBERS, {"users": ["bob"]})
        sessions.end(bob)


@pytest.mark.long
def test_local_processes_get_the_groups_of_the_host(
    sessions: Sessions, platform: Platform, alice: Person, bob: Person, carol: Person, host: Host
) -> None:
    """If servers are the hub's own children, nothing can be mounted, and the host's groups decide."""
    for person in (alice, bob, carol):
        sessions.end(person)
    local = "c.JupyterHub.spawner_class = 'jupyterhub.spawner.LocalProcessSpawner'"
    tell_hub(platform, RAINFALL, SECRET, before=local)
    try:
        mine, theirs, reader = sessions.of(alice), sessions.of(bob), sessions.of(carol)
        mine.write_file(f"{FILES}/local.txt", "x")
        assert writable(theirs, f"{FILES}/local.txt", "y")
        assert sorted(reader.contents.names("workspace")) == ["rainfall", "secret"]
        assert is_refusal(try_to_write(reader, f"{DATA}/no.txt"))
        assert carol.api("DELETE", MEMBERS, {"users": ["bob"]}).status_code == 200
        wait_until(lambda: is_out(theirs, f"{FILES}/local.txt"))
        assert "workspace" not in sessions.new(bob).contents.names()
        assert "rainfall" not in host.check_output("id bob")
    finally:
        carol.api("POST", MEMBERS, {"users": ["bob"]})
        for person in (alice, bob, carol):
            sessions.end(person)
        for name in ("alice", "bob", "carol"):
            host.run(
                f"for g in $(id -nG {name} | tr ' ' '\n' | grep -E -- '-r[wo]$'); do gpasswd -d {name} $g; done"
            )
