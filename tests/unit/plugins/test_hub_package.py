# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions of the package are removed, and which stay for servers that started with them."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import package as hub_package

from child import Child

OLD, USED, NEW = ("0" * 12, "a" * 12, "b" * 12)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "collab"
    for name in (OLD, USED, NEW, "uv"):
        (place / name).mkdir(parents=True)
    monkeypatch.setattr(hub_package, "DIRECTORY", str(place))
    return place


@pytest.fixture
def server(place: Path) -> Iterator[None]:
    """Run a server that started with version USED."""
    config = f"{place}/{USED}/jupyterhub_collab/server/config"
    command = ["sh", "-c", "echo runs; exec sleep 60"]
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": config}
    with Child(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "runs\n"
        yield


def names(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


@pytest.mark.usefixtures("server")
def test_version_that_a_server_reads_from_stays(place: Path) -> None:
    hub_package.remove_unused(f'sys.path.insert(0, "{place}/{NEW}")'.encode())
    assert names(place) == {USED, NEW, "uv"}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("fragments", [b"", b"c.JupyterHub.bind_url = 'http://:8000'"])
def test_all_go_with_the_last_fragment_that_names_one(place: Path, fragments: bytes) -> None:
    hub_package.remove_unused(fragments)
    assert names(place) == {"uv"}


def test_package_can_be_read_by_everyone_under_a_strict_umask(place: Path) -> None:
    """The package is readable for everyone, even with a strict umask. An unreadable package from an earlier run is recognized."""
    package = hub_package.HubPackage({"jupyterhub_collab/hub/names.py": ""})
    place.chmod(0o700)
    umask = os.umask(0o077)
    try:
        package.install()
    finally:
        os.umask(umask)
    paths = [place, Path(package.path), *Path(package.path).rglob("*")]
    assert [oct(path.stat().st_mode & 0o777) for path in paths] == ["0o755"] * 4 + ["0o644"]
    assert package.closed() == []
    place.chmod(0o750)
    assert package.closed() == [str(place)]


@pytest.mark.usefixtures("place")
def test_package_is_compiled_for_servers_which_cannot_write_there() -> None:
    """Otherwise each server would compile it again whenever it starts. A second run compiles nothing again."""
    package = hub_package.HubPackage({"jupyterhub_collab/hub/names.py": "HUB = 1\n", "a/config/x.json": "{}"})
    assert package.compile(sys.executable) == ""  # nothing is there to compile
    package.install()
    umask = os.umask(0o077)
    try:
        assert package.compile(sys.executable) == ""
    finally:
        os.umask(umask)
    source = Path(package.path, "jupyterhub_collab/hub/names.py")
    compiled = Path(importlib.util.cache_from_source(str(source)))
    assert (compiled.stat().st_mode & 0o777, compiled.parent.stat().st_mode & 0o777) == (0o644, 0o755)
    before = compiled.stat().st_mtime_ns
    assert package.compile(sys.executable) == package.compile("") == ""
    assert compiled.stat().st_mtime_ns == before


@pytest.mark.usefixtures("place")
def test_interpreter_that_compiles_nothing_is_named() -> None:
    package = hub_package.HubPackage({"jupyterhub_collab/hub/names.py": ""})
    package.install()
    assert "/none/python" in package.compile("/none/python")
    assert package.compile("/bin/false") == "/bin/false ended with status 1"


def fragment_of(version: str) -> bytes:
    return (
        f'import sys\n\nsys.path.insert(0, "{hub_package.DIRECTORY}/{version}")\nfrom jupyterhub_collab.hub import apply\n'
    ).encode()


def test_fragments_of_another_version_are_moved_to_this_one() -> None:
    package = hub_package.HubPackage({"jupyterhub_collab/hub/names.py": ""})
    mine = fragment_of(package.path.rpartition("/")[2])
    assert hub_package.moved_to(package.path, fragment_of(OLD)) == mine
    assert hub_package.moved_to(package.path, mine) == mine


@pytest.mark.parametrize(
    "text",
    [
        b'import runpy\n\nrunpy.run_path("/usr/local/lib/collab.jupyterhub/000000000000/x.py")\n',
        b'# sys.path.insert(0, "/usr/local/lib/collab.jupyterhub/000000000000")\n',
        b'sys.path.insert(0, "/usr/local/lib/theirs")\n',
    ],
    ids=["runs a file by its path", "in a comment", "another directory"],
)
def test_what_imports_no_version_stays_as_it_is(text: bytes) -> None:
    assert not hub_package.imports(text)
    assert hub_package.moved_to("/usr/local/lib/collab.jupyterhub/aaaaaaaaaaaa", text) == text
