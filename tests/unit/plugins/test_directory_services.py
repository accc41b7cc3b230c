# SPDX-License-Identifier: GPL-3.0-or-later
"""Which directory services a host has, and whether they answer. The scenario hardened asks a real one."""

from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import directory_services

# No host has this service, so nothing answers for it.
ABSENT = "collabnone"


@pytest.fixture
def nsswitch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "nsswitch.conf"
    monkeypatch.setattr(directory_services, "NSSWITCH", str(path))
    return path


def test_services_are_those_that_are_not_files_of_the_host(
    nsswitch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comments, actions in brackets, and what is asked for other things than accounts and groups, are passed over."""
    assert directory_services.sources() == []
    nsswitch.write_text(
        "# passwd: ldap\npasswd:  files systemd [NOTFOUND=continue] ldap # sss\ngroup: compat extrausers winbind\nhosts: files dns\n"
    )
    monkeypatch.setattr(directory_services, "_is_set_up", lambda _source: True)
    assert directory_services.sources() == [("passwd", "ldap"), ("group", "winbind")]


def test_service_that_is_only_a_word_in_a_file_is_none(
    nsswitch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some distributions name services that are not installed, or SSSD without a configuration."""
    nsswitch.write_text(f"passwd: files {ABSENT} sss\ngroup: files\n")
    monkeypatch.setattr(directory_services, "SSSD", (str(nsswitch.parent / "*.sssd"),))
    assert directory_services.sources() == []
    assert directory_services.silent() == []
    directory_services.check()


@pytest.mark.parametrize("answer", ["import sys; sys.exit(111)", "import time; time.sleep(60)"])
def test_service_that_does_not_answer_is_named(
    answer: str, nsswitch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's own files answer that they have no such name. A service that is away gives an error, or keeps its callers waiting."""
    assert directory_services._answers("passwd", "files")
    assert directory_services._answers("group", "files")
    nsswitch.write_text(f"passwd: files {ABSENT}\n")
    monkeypatch.setattr(directory_services, "_is_set_up", lambda _source: True)
    monkeypatch.setattr(directory_services, "PROGRAM", answer)
    monkeypatch.setattr(directory_services, "SECONDS", 1)
    assert directory_services.silent() == [ABSENT]
    with pytest.raises(
        directory_services.Silent, match=rf"directory service \({ABSENT} in .*\) does not answer"
    ):
        directory_services.check()
