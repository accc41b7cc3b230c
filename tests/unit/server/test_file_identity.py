# SPDX-License-Identifier: GPL-3.0-or-later
"""Which document a file belongs to if it was moved while nobody had it open. test_file_moves.py covers files that are open."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from jupyterhub_collab.server import file_identity
from jupyterhub_collab.server.file_identity import FileIdentity


def server(place: Path, *unsaved: str) -> FileIdentity:
    """Return the identities of a server that starts now. unsaved: IDs of the documents with text that their files do not contain."""
    identities = FileIdentity(root_dir=str(place), db_path=str(place / ".ids.db"))
    identities.look_again(lambda id_: id_ in unsaved)
    return identities


def files(place: Path, *names: str) -> list[Path]:
    paths = [place / name for name in names]
    for path in paths:
        path.write_text(path.name)
    return paths


def test_a_file_that_a_program_moved_aside_to_write_a_new_one_leaves_its_document(tmp_path: Path) -> None:
    one, aside = files(tmp_path, "one.txt", "one.txt.bak")
    identities = server(tmp_path)
    ids = [identities.index("one.txt"), identities.index("one.txt.bak")]
    os.replace(one, aside)
    files(tmp_path, "one.txt")
    identities = server(tmp_path)
    assert [identities.get_path(id_) for id_ in ids] == ["one.txt", "one.txt.bak"]
    assert identities.get_id("one.txt") == ids[0]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_file_that_a_program_is_moving_aside_while_the_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """The new file is not there yet when the server looks. is_known: whether someone has opened an earlier backup."""
    one, aside = files(tmp_path, "one.txt", "one.txt~")
    identities = server(tmp_path)
    id_ = identities.index("one.txt")
    if is_known:
        identities.index("one.txt~")
    os.replace(one, aside)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        files(tmp_path, "one.txt")
        aside.unlink()

    monkeypatch.setattr(time, "sleep", sleep)
    identities = server(tmp_path)
    assert waited == [file_identity.AWAY]
    assert identities.get_path(id_) == "one.txt"
    assert identities.get_id("one.txt") == id_


def test_server_does_not_wait_for_files_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _other = files(tmp_path, "one.txt", "other.txt")
    id_ = server(tmp_path).index("one.txt")
    one.unlink()
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("the server waits"))
    assert server(tmp_path).get_path(id_) == "one.txt"


@pytest.mark.parametrize(
    "is_away", [True, False], ids=["while the server is stopped", "while the server runs"]
)
@pytest.mark.parametrize(
    "is_there", [True, False], ids=["the other file exists", "the other file was deleted before"]
)
def test_a_file_takes_its_document_to_the_place_of_another(
    tmp_path: Path, is_away: bool, is_there: bool
) -> None:
    one, other = files(tmp_path, "one.txt", "other.txt")
    identities = server(tmp_path)
    id_, id_of_other = identities.index("one.txt"), identities.index("other.txt")
    if not is_there:
        other.unlink()
    os.replace(one, other)
    identities = server(tmp_path) if is_away else identities
    assert identities.get_id("other.txt") == id_
    assert identities.get_path(id_) == "other.txt"
    assert identities.get_path(id_of_other) == "other.txt"


@pytest.mark.parametrize(
    "is_away", [True, False], ids=["while the server is stopped", "while the server runs"]
)
def test_a_document_with_unsaved_text_keeps_its_place(tmp_path: Path, is_away: bool) -> None:
    """A document with unsaved text keeps its path, so that the text is merged into the file that is there now and not lost."""
    one, other = files(tmp_path, "one.txt", "other.txt")
    identities = server(tmp_path)
    identities.index("one.txt")
    id_of_other = identities.index("other.txt")
    identities = server(tmp_path, id_of_other)
    os.replace(one, other)
    identities = server(tmp_path, id_of_other) if is_away else identities
    assert identities.get_id("other.txt") == id_of_other


def test_a_link_at_the_old_place_of_a_file_leads_to_its_document(tmp_path: Path) -> None:
    """A link that replaces a moved file leads to the file's document, even if the file replaced that of another known document."""
    one, other = files(tmp_path, "one.txt", "other.txt")
    identities = server(tmp_path)
    id_ = identities.index("one.txt")
    identities.index("other.txt")
    os.replace(one, other)
    one.symlink_to("other.txt")
    assert identities.get_id("one.txt") == identities.get_id("other.txt") == id_
    assert identities.locate(id_) == str(other)


def test_a_document_that_people_have_open_keeps_its_place(tmp_path: Path) -> None:
    one, other = files(tmp_path, "one.txt", "other.txt")
    identities = server(tmp_path)
    identities.index("one.txt")
    open_one = identities.index("other.txt")
    identities.hold(open_one, lambda: None)
    os.replace(one, other)
    assert identities.get_id("other.txt") == open_one
    identities.release(open_one)


def test_a_new_file_at_an_old_place_has_the_old_document_and_is_known_again_when_it_is_moved(
    tmp_path: Path,
) -> None:
    (one,) = files(tmp_path, "one.txt")
    id_ = server(tmp_path).index("one.txt")
    (new,) = files(tmp_path, "new.txt")
    os.replace(new, one)
    identities = server(tmp_path)
    os.rename(one, tmp_path / "moved.txt")
    assert identities.get_id("moved.txt") == id_
    assert identities.get_path(id_) == "moved.txt"


@pytest.mark.parametrize("is_saved", [True, False])
def test_two_files_that_swap_their_places_keep_their_documents(tmp_path: Path, is_saved: bool) -> None:
    """Two files that swap their paths keep their documents, and unsaved text stays with its own file."""
    one, other = files(tmp_path, "one.txt", "other.txt")
    identities = server(tmp_path)
    ids = [identities.index("one.txt"), identities.index("other.txt")]
    os.rename(one, tmp_path / "aside")
    os.rename(other, one)
    os.rename(tmp_path / "aside", other)
    identities = server(tmp_path, *ids[:0] if is_saved else ids[1:])
    assert [identities.get_id("one.txt"), identities.get_id("other.txt")] == ids[::-1]


@pytest.mark.parametrize("order", [("one.txt", "other.txt"), ("other.txt", "one.txt")])
def test_what_a_hard_link_replaces_is_not_taken_for_it(tmp_path: Path, order: tuple[str, str]) -> None:
    one, other = files(tmp_path, "one.txt", "other.txt")
    identities = server(tmp_path)
    for name in order:
        identities.index(name)
    id_ = identities.get_id("one.txt")
    other.unlink()
    os.link(one, other)
    identities = server(tmp_path)
    assert id_ and identities.get_path(id_) == "one.txt"
    assert identities.get_id("one.txt") == identities.get_id("other.txt") == id_


@pytest.mark.parametrize("is_in_time", [True, False])
def test_a_server_with_very_many_files_looks_at_the_newest_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_in_time: bool
) -> None:
    oldest, newest = files(tmp_path, "oldest.txt", "newest.txt")
    identities = server(tmp_path)
    ids = [identities.index("oldest.txt"), identities.index("newest.txt")]
    for path in (oldest, newest):
        (new,) = files(tmp_path, "new")
        os.replace(new, path)
    looks = iter([0.0, 0.0, 0.0 if is_in_time else 2 * file_identity.LOOKING])
    monkeypatch.setattr(time, "monotonic", lambda: next(looks, 0.0))
    identities = server(tmp_path)
    # A replaced file is recognized at its new path only if the server inspected it.
    for path in (oldest, newest):
        os.rename(path, tmp_path / f"moved {path.name}")
    found = [identities.get_id("moved oldest.txt"), identities.get_id("moved newest.txt")]
    assert found == (ids if is_in_time else [None, ids[1]])
