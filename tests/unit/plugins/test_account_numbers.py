# SPDX-License-Identifier: GPL-3.0-or-later
"""A UID or GID is used once, because the next account would own what the previous one left. Needs root."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import account_numbers
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.account_numbers import NoNumber, Numbers

import unused_accounts
from child import Child
from open_place import open_place

FIRST, LAST = unused_accounts.FIRST + 51, unused_accounts.FIRST + 54
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change file owners")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with open_place() as place:
        yield place


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a host's home directories and its range of UIDs."""
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "home").mkdir()
    (tmp_path / "login.defs").write_text(f"UID_MIN {FIRST}\nUID_MAX {LAST}\n")
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr(account_numbers, "HOMES", str(tmp_path / "home"))
    monkeypatch.setattr(account_numbers, "PLACES", (str(tmp_path / "home"),))
    return tmp_path


def numbers(host: Path) -> Numbers:
    return Numbers(str(host / "login.defs"))


def test_number_is_given_once(host: Path) -> None:
    """An ID is not used again, even if nothing on the host has it any more, as after a project was deleted."""
    first = numbers(host)
    assert [first.take(), first.take()] == [FIRST, FIRST + 1]
    first.remember()
    second = numbers(host)
    assert second.take() == FIRST + 2
    # An ID that was taken but not recorded went to nobody.
    assert numbers(host).take() == FIRST + 2
    account_numbers.note([FIRST + 3])
    assert host_state.recall("numbers.json")["given"] == [[FIRST, FIRST + 1], [FIRST + 3, FIRST + 3]]


def test_there_are_no_more(host: Path) -> None:
    account_numbers.note(range(FIRST, LAST + 1))
    with pytest.raises(NoNumber, match=r"never reused. Raise UID_MAX in"):
        numbers(host).take()


def test_number_that_a_session_still_has_is_not_given(host: Path) -> None:
    """An ID that a session still has is not used: the session of a former member keeps the groups of a deleted project."""
    program = f"import os, time; os.setgroups([{FIRST}]); os.setgid({FIRST + 1}); os.setuid({FIRST + 2}); print(flush=True); time.sleep(60)"
    with Child([sys.executable, "-I", "-c", program], stdout=subprocess.PIPE) as session:
        assert session.stdout and session.stdout.readline()
        assert numbers(host).take() == FIRST + 3


def test_number_that_owns_something_is_not_given(host: Path) -> None:
    left = host / "home" / "someone"
    left.mkdir()
    (left / "file").write_text("")
    os.chown(left, FIRST, FIRST + 1)
    os.chown(left / "file", FIRST + 2, 0)
    assert numbers(host).take() == FIRST + 3


def as_account(number: int, program: str) -> str:
    code = f"import os; os.setgroups([]); os.setgid({number}); os.setuid({number})\n{program}"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def kept_home(host: Path) -> Path:
    home = host / "home" / "shared"
    home.mkdir(mode=0o700)
    (home / "notes").mkdir()
    (home / "notes" / "secret").write_text("secret")
    os.symlink("/etc/passwd", home / "link")
    for path in (home, home / "notes", home / "notes" / "secret", home / "link"):
        os.chown(path, FIRST, FIRST, follow_symlinks=False)
    return home


def test_kept_home_is_nobodys_who_gets_the_number(host: Path) -> None:
    home = kept_home(host)
    read = f"print(open({str(home / 'notes/secret')!r}).read())"
    assert as_account(FIRST, read) == "secret\n"
    account_numbers.close_home("shared", str(home), FIRST)
    assert "Permission denied" in as_account(FIRST, read)


def test_kept_home_is_the_accounts_again(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = kept_home(host)
    account_numbers.close_home("shared", str(home), FIRST)
    assert account_numbers.of_kept_home("shared") == FIRST
    # Another account has the UID now, so this one gets a new one.
    account = pwd.struct_passwd(("shared", "x", LAST, LAST, "", str(home), ""))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: account)
    passwd = os.stat("/etc/passwd")
    assert account_numbers.open_home("shared")
    owners = {path.lstat().st_uid for path in (home, *home.rglob("*"))}
    assert owners == {LAST}
    assert os.stat("/etc/passwd").st_uid == passwd.st_uid
    assert account_numbers.kept_homes() == set()


def test_home_that_is_someones_is_given_to_nobody(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = host / "home" / "shared"
    home.mkdir()
    os.chown(home, pwd.getpwnam("daemon").pw_uid, 0)
    assert account_numbers.of_kept_home("shared") is None
    account = pwd.struct_passwd(("shared", "x", LAST, LAST, "", str(home), ""))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: account)
    assert not account_numbers.open_home("shared")
    assert home.stat().st_uid == pwd.getpwuid(1).pw_uid
