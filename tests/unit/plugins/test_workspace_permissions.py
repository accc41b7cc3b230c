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
def share(tmp_path: Path) -> Path:
    path = tmp_path / "share"
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


def repair(share: Path) -> permissions.Report:
    return permissions.repair(str(share), GROUPS, ACCOUNT)


def test_list_survives_being_written_and_read() -> None:
    one = posix_acl.Acl(7, 5, 0, {1000: 0, 1001: 5}, {64001: 7}, 7)
    assert posix_acl.decode(one.encode()) == one
    assert posix_acl.Acl(6, 7, 0, {}, {5: 7}, 4).effective == posix_acl.Acl(6, 4, 0, {}, {5: 4})


@pytest.mark.parametrize("share", ["files", "a-share-with-a-very-long-name-that-goes-on"])
def test_names_of_groups(share: str) -> None:
    names = permissions.group_names("rainfall", share)
    assert all(len(name) <= 32 for name in names)
    assert names[0].startswith("rainfall-") and names[0].removesuffix("rw") == names[1].removesuffix("ro")
    assert names != permissions.group_names("rainfall", share + "x")


def test_names_of_groups_differ_where_project_and_share_together_do_not() -> None:
    assert permissions.group_names("a-b", "c") != permissions.group_names("a", "b-c")


@needs_root
@pytest.mark.parametrize(
    ("mode", "permissions"), [(0o600, 6), (0o644, 6), (0o700, 7), (0o444, 4), (0o4755, 7), (0o2644, 6)]
)
def test_file_gets_the_groups(share: Path, mode: int, permissions: int) -> None:
    member_writes(share / "file", mode)
    assert repair(share).repaired == 1
    there = os.stat(share / "file")
    assert (there.st_uid, there.st_gid) == (MEMBER, GROUPS.writers)
    assert acl(share / "file") == GROUPS.acl(permissions)
    assert not there.st_mode & 0o6007
    assert repair(share).repaired == 0


@needs_root
def test_what_is_made_as_usual_needs_no_repair(share: Path) -> None:
    before = os.umask(0o077)
    try:
        (share / "notebook").write_text("")
        (share / "directory").mkdir()
        (share / "directory" / "inside").write_text("")
    finally:
        os.umask(before)
    assert acl(share / "directory" / "inside").effective.groups == {64001: 6, 64002: 4}
    assert repair(share) == permissions.Report()


@needs_root
def test_links_change_nothing_elsewhere(share: Path, tmp_path: Path) -> None:
    outside, secret = tmp_path / "outside", tmp_path / "outside" / "secret"
    outside.mkdir(mode=0o700)
    member_writes(secret, 0o600)
    os.symlink(outside, share / "directory")
    os.symlink(secret, share / "file")
    os.link(secret, share / "hard")
    before = [os.stat(path) for path in (outside, secret)]
    report = repair(share)
    assert report.told == ["hard: it has hard links"]
    assert [(each.st_mode, each.st_gid) for each in before] == [
        (os.stat(path).st_mode, os.stat(path).st_gid) for path in (outside, secret)
    ]
    assert acl(secret) == posix_acl.of_mode(0o600)


@needs_root
def test_the_projects_own_hard_links_are_repaired(share: Path) -> None:
    member_writes(share / "one", 0o600)
    os.chown(share / "one", ACCOUNT, ACCOUNT)
    os.link(share / "one", share / "other")
    assert repair(share).repaired == 1


@needs_root
def test_sockets_and_pipes_are_left(share: Path) -> None:
    os.mkfifo(share / "pipe", 0o600)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(share / "socket"))
    report = repair(share)
    assert (report.repaired, report.left) == (0, 2)
    assert stat.S_IMODE(os.stat(share / "pipe").st_mode) == 0o600


@needs_root
def test_directory_that_becomes_a_link_while_it_is_walked(
    share: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that is replaced by a link after it was inspected and before it is opened leads nowhere else."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    (outside / "secret").write_text("")
    os.chmod(outside / "secret", 0o600)
    inner = share / "inner"
    inner.mkdir()
    member_writes(inner / "mine", 0o600)
    look = permissions._look_at

    def swapped(file: int, path: str, *rest: object) -> None:
        if path == "inner":
            inner.rename(share / "gone")
            os.symlink(outside, inner)
        look(file, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(permissions, "_look_at", swapped)
    repair(share)
    assert acl(share / "gone" / "mine") == GROUPS.acl(6)
    assert stat.S_IMODE(os.stat(outside).st_mode) == 0o700
    assert acl(outside / "secret") == posix_acl.of_mode(0o600)


@needs_root
def test_tree_that_is_very_deep_ends_the_walk_and_not_the_process(share: Path) -> None:
    with permissions.opened(str(share)) as top:
        place = os.dup(top)
        for _level in range(permissions.DEEPEST + 20):
            os.mkdir("d", dir_fd=place)
            deeper = os.open("d", permissions.A_DIRECTORY, dir_fd=place)
            os.close(place)
            place = deeper
        os.close(place)
    report = repair(share)
    assert report.left == 1 and "deep" in report.told[0]


@needs_root
def test_further_names_elsewhere_are_of_other_files_then(share: Path, tmp_path: Path) -> None:
    """Hard links outside the workspace become separate files. Names that are all inside the workspace remain one file."""
    outside = tmp_path / "outside"
    for name in ("kept", "together"):
        (share / name).write_text("first")
    (share / "below").mkdir()
    os.link(share / "kept", outside)
    os.link(share / "kept", share / "below" / "kept")
    os.link(share / "together", share / "below" / "again")
    before = acl(share / "kept")
    assert permissions.repair(str(share), GROUPS, ACCOUNT).repaired == 0
    assert outside.samefile(share / "kept")
    assert permissions.repair(str(share), GROUPS, ACCOUNT, separate=True).repaired == 2
    assert outside.stat().st_nlink == 1
    assert not outside.samefile(share / "kept")
    assert (share / "together").samefile(share / "below" / "again")
    assert acl(share / "kept") == before and os.stat(share / "kept").st_gid == GROUPS.writers
    (share / "kept").write_text("second")
    assert outside.read_text() == "first"
    outside.write_text("wrong")
    assert (share / "kept").read_text() == "second"
    assert sorted(path.name for path in share.iterdir()) == ["below", "kept", "together"]


@needs_root
@pytest.mark.parametrize("mode", [0o660, 0o666])
def test_group_of_ones_own_keeps_no_further_name(share: Path, tmp_path: Path, mode: int) -> None:
    """A file whose owner gave it another group, and removed its access list, also loses its hard links outside."""
    member_writes(share / "mine", mode)
    if mode & 0o006:
        os.removexattr(share / "mine", posix_acl.ACCESS)
        os.chmod(share / "mine", mode)
    os.link(share / "mine", tmp_path / "kept")
    permissions.repair(str(share), GROUPS, ACCOUNT, separate=True)
    assert not (tmp_path / "kept").samefile(share / "mine")
    repair(share)
    assert acl(share / "mine") == GROUPS.acl(6)


@needs_root
def test_names_make_no_lines_of_their_own(share: Path) -> None:
    os.mkfifo(os.fsencode(share) + b"/pipe\nother: 9 files \xff")
    (said,) = repair(share).told
    assert said == "pipe\\nother: 9 files \\udcff: it is neither a file nor a directory"


@needs_root
def test_file_that_is_larger_than_the_disk_is_not_copied(share: Path, tmp_path: Path) -> None:
    with open(share / "holes", "w") as file:
        os.ftruncate(file.fileno(), 1 << 40)
    os.link(share / "holes", tmp_path / "outside")
    report = permissions.repair(str(share), GROUPS, ACCOUNT, separate=True)
    assert report.told[-1] == "holes: it has hard links elsewhere, and is too large to copy"


@needs_root
def test_root_copies_nothing_into_a_share_that_is_not_the_shares(share: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    member_writes(secret, 0o600, "secret")
    os.link(secret, share / "linked")
    assert permissions.repair(str(share), GROUPS, ACCOUNT, separate=True).repaired == 0
    assert secret.samefile(share / "linked")
    assert acl(secret) == posix_acl.of_mode(0o600)
