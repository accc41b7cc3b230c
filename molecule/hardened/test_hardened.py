# SPDX-License-Identifier: GPL-3.0-or-later
"""A hardened host, with the hub's database in MariaDB, and people and groups in LDAP. The tests run in order, each on the state left before."""

from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from people import Hub, Person, Refused, Server
from scenario import (
    Credentials,
    Platform,
    Play,
    changed_files,
    edit_together,
    keep_out,
    play,
    refuse_password,
    undisturbed,
    verified,
    wait_until,
)
from sharing import PAGE, accept, guests, make_link, shared_with
from workspaces import is_refusal, run

CONFIG = "/usr/local/etc/jupyter/jupyterhub_config.py"
PROJECT = "project-rainfall"
FILES = "workspace/rainfall/files"
DATA = "workspace/rainfall/data"
PASSWORD = "of/the@d:ta#base%"
SETTINGS: dict[str, Any] = {
    "jupyterhub_projects": [
        {
            "name": "rainfall",
            "manage": {"users": ["alice"]},
            "edit": {"groups": ["hydrology"]},
            "workspaces": [{"name": "files"}, {"name": "data", "read": {"users": ["erin"]}}],
        },
        {"name": "snow"},
    ]
}
# Files of the host that differ after everything was removed.
LEFT = (
    "/home/",  # files of users who tried it, and of the shared account
    *(f"/etc/{name}-" for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")),  # backups
    "/srv/jupyterhub-projects",  # files of projects, for root alone
    "/workspace",  # empty: the place at which systemd mounted workspaces for servers
    "/var/lib/collab.jupyterhub",  # account numbers that must not be reused
    *(f"/var/lib/{name}" for name in ("mysql", "sss", "ldap", "slapd")),
)
UNTOUCHED = "Nothing was changed."


@pytest.fixture(scope="module")
def erin(hub: Hub) -> Person:
    """A user who may read one workspace, and is in no group of a project."""
    return hub.login("erin", "erin-password")


def converge(platform: Platform, *options: str, **variables: Any) -> Play:
    return play("jupyter_rtc", platform.name, *options, **{**SETTINGS, **variables})


def save(server: Server, path: str, text: str) -> int:
    """Have JupyterLab save a file, and return the status of the answer."""
    return server.api(
        "PUT", f"api/contents/{path}", {"type": "file", "format": "text", "content": text}
    ).status_code


def test_host_is_hardened(host: Host) -> None:
    """What this scenario is about is in force: otherwise, the other tests would show nothing."""
    assert "hidepid=invisible" in host.check_output("findmnt --noheadings --output OPTIONS /proc")
    for place in ("/tmp", "/var/tmp"):
        assert "noexec" in host.check_output("findmnt --noheadings --output OPTIONS %s", place)
    assert host.check_output("sudo -S sh -c umask").endswith("077")
    assert host.run("su alice -c 'ls /proc/1'").rc != 0
    for name in ("alice", "bob", "mallory"):
        assert host.user(name).exists
        assert host.run("grep ^%s: /etc/passwd", name).rc == 1
        assert name not in host.check_output("getent passwd")
    assert "mysql" in host.file("/etc/jupyterhub.env").content_string


def test_two_people_edit_on_the_shared_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5: two people edit on the shared server."""
    edit_together(alice, bob, "shared", host)


def test_outsiders_stay_out(hub: Hub, host: Host, mallory: Credentials) -> None:
    """Mallory and a stranger are refused, and nobody can log in as the shared account."""
    keep_out(hub, "shared", mallory)
    refuse_password(hub, host, "shared")


def test_sharing_by_link_by_name_and_with_a_group(alice: Person, bob: Person, erin: Person) -> None:
    """A user's own server is shared by link, by name, and with a group that only the directory service has."""
    alice.open("alice")
    wait_until(lambda: alice.page(PAGE).status == 200)
    accept(bob, make_link(alice))
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    alice.api("DELETE", "/hub/api/shares/alice/")
    alice.press(alice.page(PAGE), "Share", name="erin")
    assert erin.visit("alice").me()["identity"]["username"] == "erin"
    assert guests(alice.page(PAGE)) == ["erin"]
    alice.api("DELETE", "/hub/api/shares/alice/")
    alice.press(alice.page(PAGE), "Share", kind="group", name="hydrology")
    assert "alice as a member of hydrology" in shared_with(bob.page(PAGE))
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    assert not [each for each in shared_with(erin.page(PAGE)) if "alice" in each]
    alice.api("DELETE", "/hub/api/shares/alice/")


def again(person: Person) -> Server:
    """Start a new session of a person's own server."""
    person.stop(person.name)
    return person.open(person.name)


def test_project_with_members_from_the_directory(
    alice: Person, bob: Person, erin: Person, host: Host
) -> None:
    """Requirements 81 and 82: members edit each other's files in the workspace, and a reader changes nothing."""
    edit_together(alice, bob, PROJECT, host)
    hers, his = again(alice), again(bob)
    for folder in (FILES, DATA):
        for server, text in ((hers, "1"), (his, "2"), (alice.open(PROJECT), "3"), (hers, "4")):
            assert save(server, f"{folder}/table.csv", text) in (200, 201)
            assert his.read_file(f"{folder}/table.csv") == text
    run(
        hers,
        "(umask 077; mkdir -p ~/workspace/rainfall/files/deep; echo 1 > ~/workspace/rainfall/files/deep/new.csv)",
    )
    assert save(his, f"{FILES}/deep/new.csv", "2") == 200
    reader = again(erin)
    assert reader.contents.names("workspace/rainfall") == ["data"]
    assert reader.read_file(f"{DATA}/table.csv") == "4"
    said = reader.api(
        "PUT", f"api/contents/{DATA}/table.csv", {"type": "file", "format": "text", "content": "5"}
    )
    assert is_refusal(said), said.text
    with pytest.raises(Refused):
        erin.visit(PROJECT)


def test_account_on_the_host_gets_nothing_of_the_project(host: Host) -> None:
    """Mallory, who has an account in the directory only, sees neither files nor processes of others."""
    for command in (
        "ls /srv/jupyterhub-projects/rainfall/files",
        "cat /srv/jupyterhub-projects/rainfall/data/table.csv",
        "ls /home/shared /home/project-rainfall /home/alice",
        "cat /usr/local/etc/jupyter/jupyterhub_collab.d/*.py | grep of/the",
        "cat /etc/jupyterhub.env",
        "pgrep -f singleuser",
        "pgrep -f jupyterhub",
    ):
        assert host.run("su mallory -c %s", command).rc != 0, command


def test_numbers_and_names_in_the_directory_are_not_taken(host: Host, platform: Platform) -> None:
    """Accounts and groups that the host does not list keep their numbers and names. 1001 is mallory's."""
    assert "1001" not in host.check_output("cut -d: -f3 /etc/passwd /etc/group").split()
    before = host.check_output("cat /etc/passwd /etc/group")
    for project in (
        {"name": "taken"},  # the name of a group
        {"name": "other", "account": "mallory"},
        {"name": "ours", "workspaces": [{"name": "files"}]},  # the name of the workspace's group
    ):
        told = converge(platform, jupyterhub_projects=[*SETTINGS["jupyterhub_projects"], project])
        assert told.code != 0, told.output
        assert "already exists" in told.message, told.message
        assert told.message.endswith(UNTOUCHED), told.message
    for name in ("department", "staff-of-example"):
        told = converge(platform, jupyterhub_rtc_user=name)
        assert told.code != 0, told.output
        assert f"{name} already exists" in told.message, told.message
        assert told.message.endswith(UNTOUCHED), told.message
    assert host.check_output("cat /etc/passwd /etc/group") == before


def test_comment_in_the_directory_marks_nothing(host: Host, platform: Platform) -> None:
    """Mallory has written the comment of shared accounts into her entry. Even if the host lists her, no account of hers is taken or ended."""
    lists = "sed -i 's/^enumerate = .*/enumerate = %s/' /etc/sssd/sssd.conf && systemctl restart sssd"
    host.check_output("systemd-run --unit=mallorys --uid=mallory sleep 600")
    host.check_output(lists % "true")
    try:
        wait_until(lambda: "mallory" in host.check_output("getent passwd"))
        told = converge(platform)
        assert (told.code, told.changed) == (0, 0), told.output
        assert host.run("systemctl is-active mallorys").rc == 0
    finally:
        host.check_output(f"{lists % 'false'}; systemctl stop mallorys")


def test_group_of_the_directory_is_not_the_hosts(platform: Platform) -> None:
    """No account can join a group that the host does not define. The play says so first."""
    told = converge(platform, jupyterhub_rtc_group="hubusers")
    assert told.code != 0, told.output
    assert "The group hubusers is not defined on this host (but in LDAP, for example)" in told.message
    assert told.message.endswith(UNTOUCHED), told.message


def test_second_run_changes_nothing(platform: Platform) -> None:
    """Requirement B2: a second run changes nothing."""
    told = converge(platform)
    assert (told.code, told.changed) == (0, 0), told.output


def test_password_of_the_database_is_told_nobody(host: Host, platform: Platform) -> None:
    """The password appears neither in the play's most verbose output nor in what the play leaves on the host."""
    told = converge(platform, "-vvv", "--diff")
    assert told.code == 0, told.output
    for form in (PASSWORD, "of%2Fthe"):
        assert form not in told.output
        assert (
            host.run(
                "grep -rqF %s /var/lib/collab.jupyterhub /usr/local/etc /usr/local/lib/collab.jupyterhub",
                form,
            ).rc
            == 1
        )


def test_verify_finds_nothing_wrong(platform: Platform, tmp_path: Path) -> None:
    """The groups that the hub admits are the directory's, so the accounts that `verify` creates cannot join them."""
    told = play("verify", platform.name)
    assert told.code != 0, told.output
    assert "jupyterhub_verify_accounts" in told.said
    people = [{"name": name, "password": f"{name}-password"} for name in ("alice", "bob")]
    passed = verified(platform.name, tmp_path / "report.json", jupyterhub_verify_accounts=people)
    assert "two users edit together on the shared server" in passed


def test_database_that_is_away(host: Host, platform: Platform) -> None:
    """While the hub cannot reach its database, nothing is changed, and the password is not printed."""
    invocation = "systemctl show jupyterhub --property=InvocationID"
    before = host.check_output(invocation)
    host.check_output("systemctl stop mariadb")
    try:
        refused = converge(platform, jupyter_rtc_share_all_users=True)
    finally:
        host.check_output("systemctl start mariadb")
    assert refused.code != 0
    assert refused.message.endswith(UNTOUCHED), refused.message
    assert "OperationalError" in refused.message, refused.message
    for form in (PASSWORD, "of%2Fthe"):
        assert form not in refused.output
    assert host.check_output(invocation) == before


def test_database_that_shows_the_hub_an_old_state_is_refused(host: Host, platform: Platform) -> None:
    """By default, MariaDB shows a hub nothing that others have written since its last change. The play names the setting."""
    before = host.file(CONFIG).content_string
    write = "cat > %s <<'END'\n%s\nEND"
    line = '    "isolation_level": "READ COMMITTED",\n'
    assert line in before
    host.check_output(write % (CONFIG, before.replace(line, "").rstrip()))
    try:
        refused = converge(platform)
    finally:
        host.check_output(write % (CONFIG, before.rstrip()))
    assert "isolation level REPEATABLE READ" in refused.message, refused.output
    assert 'Add "isolation_level": "READ COMMITTED" to c.JupyterHub.db_kwargs' in refused.message
    assert refused.message.endswith(UNTOUCHED), refused.message


def test_hub_keeps_its_database(host: Host, platform: Platform) -> None:
    """The play moves the block to the end of the file. It does not, if the hub would then use a database without its users."""
    before = host.file(CONFIG).content_string
    below = "c.JupyterHub.db_url, c.JupyterHub.db_kwargs = site\n"
    fragment = f"{CONFIG.removesuffix('_config.py')}_collab.d/10-site.py"
    write = "cat > %s <<'END'\n%s\nEND"
    with_site = before.replace(
        "# BEGIN collab", "site = c.JupyterHub.db_url, c.JupyterHub.db_kwargs\n# BEGIN collab"
    )
    host.check_output(write % (CONFIG, with_site + below))
    host.check_output(
        write
        % (
            fragment,
            "c.JupyterHub.db_url, c.JupyterHub.db_kwargs = 'sqlite:////var/lib/jupyterhub/new.sqlite', {}",
        )
    )
    try:
        refused = converge(platform, jupyter_rtc_share_all_users=True)
    finally:
        host.check_output(f"rm {fragment}; {write % (CONFIG, before.rstrip())}")
    assert refused.code != 0
    assert "the hub would start with another database than it uses now" in refused.message, refused.message
    assert refused.message.endswith(UNTOUCHED), refused.message
    assert not host.file("/var/lib/jupyterhub/new.sqlite").exists
    same = converge(platform)
    assert (same.code, same.changed) == (0, 0), same.output


def test_directory_that_is_away(host: Host, platform: Platform) -> None:
    """While the directory service does not answer, nothing is created under names that it may have."""
    before = host.check_output("cat /etc/passwd /etc/group")
    try:
        host.check_output("systemctl stop slapd")
        same = converge(platform)
        host.check_output("systemctl stop sssd")
        told = converge(platform, jupyterhub_rtc_user="together")
    finally:
        host.check_output("systemctl start slapd && systemctl restart sssd")
    assert told.code != 0, told.output
    assert "The host's directory service (sss in /etc/nsswitch.conf) does not answer" in told.message
    assert told.message.endswith(UNTOUCHED), told.message
    assert host.check_output("cat /etc/passwd /etc/group") == before
    assert (same.code, same.changed) == (0, 0), same.output
    wait_until(lambda: host.user("alice").exists)


def test_change_of_modes_leaves_servers_alone(
    alice: Person, bob: Person, host: Host, platform: Platform
) -> None:
    """A change of modes leaves running servers alone."""
    with undisturbed(alice, host):
        switched = converge(platform, jupyter_rtc_share_all_users=True)
        assert switched.code == 0, switched.output
    assert bob.visit("alice").me()["identity"]["username"] == "bob"
    back = converge(platform)
    assert back.code == 0, back.output
    bob.open("shared")


def test_removal_leaves_nothing(
    alice: Person, bob: Person, erin: Person, host: Host, platform: Platform
) -> None:
    """Requirement B6: nothing of the collection is left, on the host or in the database."""
    # While a server has the groups of a workspace, their numbers are reserved in /etc/group.
    for person in (alice, bob, erin):
        person.stop(person.name)
    gone = converge(platform, jupyter_rtc_state="absent", jupyterhub_projects=[])
    assert gone.code == 0, gone.output
    query = "select name from users union select name from roles union select name from services"
    names = host.check_output("mariadb --batch --skip-column-names hub -e %s", query).split()
    assert "shared" not in names
    assert not [name for name in names if "sharing" in name or "collab" in name or "project" in name]
    different = {path for path in changed_files(host, platform) if not path.startswith(LEFT)}
    assert different == set()
    with pytest.raises(Refused):
        alice.open("shared")
    told = converge(platform, jupyter_rtc_state="absent", jupyterhub_projects=[])
    assert (told.code, told.changed) == (0, 0), told.output
