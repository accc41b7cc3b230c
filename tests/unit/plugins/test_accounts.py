# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host knows of accounts and groups, including those that it does not list."""

import grp
import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import accounts


def test_groups_that_the_host_does_not_list_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account's groups are found even if the host does not list them. By default, SSSD lists no groups, so only local ones appear."""
    monkeypatch.setattr(grp, "getgrall", lambda: [])
    me = pwd.getpwuid(os.getuid())
    wanted = {grp.getgrgid(number).gr_name for number in os.getgrouplist(me.pw_name, me.pw_gid)}
    assert wanted
    assert {*accounts.describe_account(me.pw_name)["groups"]} == wanted


def test_comment_of_an_account_elsewhere_marks_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a directory, people may write their own comment. Only those of this host's accounts say who made an account."""
    comment = pwd.getpwnam("root").pw_gecos
    assert accounts.describe_account("root")["comment"] == comment
    assert "root" in accounts.with_comment(comment)
    assert accounts.local_account("root").pw_uid == 0
    (tmp_path / "passwd").write_text("rooty:x:1:1:root:/root:/bin/sh\n")
    monkeypatch.setattr(accounts, "PASSWD", [str(tmp_path / "passwd"), str(tmp_path / "none")])
    assert accounts.describe_account("root")["comment"] == ""
    assert accounts.with_comment(comment) == []
    with pytest.raises(KeyError):
        accounts.local_account("root")


def test_groups_of_this_host(tmp_path: Path) -> None:
    (tmp_path / "group").write_text("root:x:0:\njupyterhub:x:990:alice\n")
    files = [str(tmp_path / "group"), str(tmp_path / "none")]
    assert accounts.is_local_group("jupyterhub", files)
    assert not accounts.is_local_group("jupyter", files)


@pytest.mark.parametrize(
    ("text", "place"), [("", "/home"), ("# HOME=/x\nHOME=/srv/home\nSHELL=/bin/sh\n", "/srv/home")]
)
def test_where_homes_are_made(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "useradd").write_text(text)
    assert accounts.homes(str(tmp_path / "useradd")) == place
    assert accounts.homes(str(tmp_path / "none")) == "/home"
