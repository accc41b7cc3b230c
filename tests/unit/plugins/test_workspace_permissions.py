# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in a workspace get its groups back, and nothing else is touched. Uses a real file system, and partly needs root."""

import os
import socket
import stat
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.workspaces import permissions, posix_acl

GROUPS = permissions.Groups(writers=64001, readers=64002)
ACCOUNT, MEMBER = 64010, 64011
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change file owners")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    path = tmp_path / "workspace"
    path.mkdir()
    with permissions.opened(str(path)) as directory:
        try:
            permissions.open_directory(directory, GROUPS)
        except OSError as error:
            pytest.skip(f"{tmp_path} does not support access control lists: {error}")
    return path


def member_writes(path: Path, mode: int, text: str = "") -> None:
    path.write_text(text)
    os.chown(path, MEMBER, MEMBER)
    os.chmod(path, mode)


def acl(path: Path) -> posix_acl.Acl:
    with permissions.opened(str(path), flags=permissions.A_NAME) as file:
        return posix_acl.read(file) or posix_acl.of_mode(os.fstat(file).st_mode)


def repair(workspace: Path) -> permissions.Report:
    return permissions.repair(str(workspace), GROUPS, ACCOUNT)


def test_list_survives_being_written_and_read() -> None:
    one = posix_acl.Acl(7, 5, 0, {1000: 0, 1001: 5}, {64001: 7}, 7)
    assert posix_acl.decode(one.encode()) == one
    assert posix_acl.Acl(6, 7, 0, {}, {5: 7}, 4).effective == posix_acl.Acl(6, 4, 0, {}, {5: 4})


@pytest.mark.parametrize("workspace", ["files", "a-workspace-with-a-very-long-name-that-goes-on"])
def test_names_of_groups(workspace: str) -> None:
    names = permissions.group_names("rainfall", workspace)
    assert all(len(name) <= 32 for name in names)
    assert names[0].startswith("rainfall-") and names[0].removesuffix("rw") == names[1].removesuffix("ro")
    assert names != permissions.group_names("rainfall", workspace + "x")


def test_names_of_groups_differ_where_project_and_workspace_together_do_not() -> None:
    assert permissions.group_names("a-b", "c") != permissions.group_names("a", "b-c")


@needs_root
@pytest.mark.parametrize(
    ("mode", "permissions"), [(0o600, 6), (0o644, 6), (0o700, 7), (0o444, 4), (0o4755, 7), (0o2644, 6)]
)
def test_file_gets_the_groups(workspace: Path, mode: int, permissions: int) -> None:
    member_writes(workspace / "file", mode)
    assert repair(workspace).repaired == 1
    there = os.stat(workspace / "file")
    assert (there.st_uid, there.st_gid) == (MEMBER, GROUPS.writers)
    assert acl(workspace / "file") == GROUPS.acl(permissions)
    assert not there.st_mode & 0o6007
    assert repair(workspace).repaired == 0


@needs_root
def test_what_is_made_as_usual_needs_no_repair(workspace: Path) -> None:
    before = os.umask(0o077)
    try:
        (workspace / "notebook").write_text("")
        (workspace / "directory").mkdir()
        (workspace / "directory" / "inside").write_text("")
    finally:
        os.umask(before)
    assert acl(workspace / "directory" / "inside").effective.groups == {64001: 6, 64002: 4}
    assert repair(workspace) == permissions.Report()


@needs_root
def test_links_change_nothing_elsewhere(workspace: Path, tmp_path: Path) -> None:
    outside, secret = tmp_path / "outside", tmp_path / "outside" / "secret"
    outside.mkdir(mode=0o700)
    member_writes(secret, 0o600)
    os.symlink(outside, workspace / "directory")
    os.symlink(secret, workspace / "file")
    os.link(secret, workspace / "hard")
    before = [os.stat(path) for path in (outside, secret)]
    report = repair(workspace)
    assert report.told == ["hard: it has hard links"]
    assert [(each.st_mode, each.st_gid) for each in before] == [
        (os.stat(path).st_mode, os.stat(path).st_gid) for path in (outside, secret)
    ]
    assert acl(secret) == posix_acl.of_mode(0o600)


@needs_root
def test_the_projects_own_hard_links_are_repaired(workspace: Path) -> None:
    member_writes(workspace / "one", 0o600)
    os.chown(workspace / "one", ACCOUNT, ACCOUNT)
    os.link(workspace / "one", workspace / "other")
    assert repair(workspace).repaired == 1


@needs_root
def test_sockets_and_pipes_are_left(workspace: Path) -> None:
    os.mkfifo(workspace / "pipe", 0o600)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(workspace / "socket"))
    report = repair(workspace)
    assert (report.repaired, report.left) == (0, 2)
    assert stat.S_IMODE(os.stat(workspace / "pipe").st_mode) == 0o600


@needs_root
def test_directory_that_becomes_a_link_while_it_is_walked(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that is replaced by a link after it was inspected and before it is opened leads nowhere else."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    (outside / "secret").write_text("")
    os.chmod(outside / "secret", 0o600)
    inner = workspace / "inner"
    inner.mkdir()
    member_writes(inner / "mine", 0o600)
    look = permissions._look_at

    def swapped(file: int, path: str, *rest: object) -> None:
        if path == "inner":
            inner.rename(workspace / "gone")
            os.symlink(outside, inner)
        look(file, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(permissions, "_look_at", swapped)
    repair(workspace)
    assert acl(workspace / "gone" / "mine") == GROUPS.acl(6)
    assert stat.S_IMODE(os.stat(outside).st_mode) == 0o700
    assert acl(outside / "secret") == posix_acl.of_mode(0o600)


@needs_root
def test_tree_that_is_very_deep_ends_the_walk_and_not_the_process(workspace: Path) -> None:
    with permissions.opened(str(workspace)) as top:
        place = os.dup(top)
        for _level in range(permissions.DEEPEST + 20):
            os.mkdir("d", dir_fd=place)
            deeper = os.open("d", permissions.A_DIRECTORY, dir_fd=place)
            os.close(place)
            place = deeper
        os.close(place)
    report = repair(workspace)
    assert report.left == 1 and "deep" in report.told[0]


@needs_root
def test_further_names_elsewhere_are_of_other_files_then(workspace: Path, tmp_path: Path) -> None:
    """Hard links outside the workspace become separate files. Names that are all inside the workspace remain one file."""
    outside = tmp_path / "outside"
    for name in ("kept", "together"):
        (workspace / name).write_text("first")
    (workspace / "below").mkdir()
    os.link(workspace / "kept", outside)
    os.link(workspace / "kept", workspace / "below" / "kept")
    os.link(workspace / "together", workspace / "below" / "again")
    before = acl(workspace / "kept")
    assert permissions.repair(str(workspace), GROUPS, ACCOUNT).repaired == 0
    assert outside.samefile(workspace / "kept")
    assert permissions.repair(str(workspace), GROUPS, ACCOUNT, separate=True).repaired == 2
    assert outside.stat().st_nlink == 1
    assert not outside.samefile(workspace / "kept")
    assert (workspace / "together").samefile(workspace / "below" / "again")
    assert acl(workspace / "kept") == before and os.stat(workspace / "kept").st_gid == GROUPS.writers
    (workspace / "kept").write_text("second")
    assert outside.read_text() == "first"
    outside.write_text("wrong")
    assert (workspace / "kept").read_text() == "second"
    assert sorted(path.name for path in workspace.iterdir()) == ["below", "kept", "together"]


@needs_root
@pytest.mark.parametrize("mode", [0o660, 0o666])
def test_group_of_ones_own_keeps_no_further_name(workspace: Path, tmp_path: Path, mode: int) -> None:
    """A file whose owner gave it another group, and removed its access list, also loses its hard links outside."""
    member_writes(workspace / "mine", mode)
    if mode & 0o006:
        os.removexattr(workspace / "mine", posix_acl.ACCESS)
        os.chmod(workspace / "mine", mode)
    os.link(workspace / "mine", tmp_path / "kept")
    permissions.repair(str(workspace), GROUPS, ACCOUNT, separate=True)
    assert not (tmp_path / "kept").samefile(workspace / "mine")
    repair(workspace)
    assert acl(workspace / "mine") == GROUPS.acl(6)


@needs_root
def test_names_make_no_lines_of_their_own(workspace: Path) -> None:
    os.mkfifo(os.fsencode(workspace) + b"/pipe\nother: 9 files \xff")
    (said,) = repair(workspace).told
    assert said == "pipe\\nother: 9 files \\udcff: it is neither a file nor a directory"


@needs_root
def test_file_that_is_larger_than_the_disk_is_not_copied(workspace: Path, tmp_path: Path) -> None:
    with open(workspace / "holes", "w") as file:
        os.ftruncate(file.fileno(), 1 << 40)
    os.link(workspace / "holes", tmp_path / "outside")
    report = permissions.repair(str(workspace), GROUPS, ACCOUNT, separate=True)
    assert report.told[-1] == "holes: it has hard links elsewhere, and is too large to copy"


@needs_root
def test_root_copies_nothing_into_a_workspace_that_is_not_the_workspaces(
    workspace: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    member_writes(secret, 0o600, "secret")
    os.link(secret, workspace / "linked")
    assert permissions.repair(str(workspace), GROUPS, ACCOUNT, separate=True).repaired == 0
    assert secret.samefile(workspace / "linked")
    assert acl(secret) == posix_acl.of_mode(0o600)
