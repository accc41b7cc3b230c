# SPDX-License-Identifier: GPL-3.0-or-later
"""If what users type cannot be protected, the users, the administrator and `verify` are told."""

import asyncio
import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_collab.names import SERVER_SETTINGS
from jupyterhub_collab.patches.releases import FITS
from jupyterhub_collab.server import protection
from local_server import CONFIG, LOADED, LOADS, PATIENCE, LocalServer

FITTING = {name: fits[-1][0] for name, fits in FITS.items()}


def test_it_is_in_force_with_what_is_installed_here() -> None:
    assert protection.problem_with(protection._installed()) == ""


@pytest.mark.parametrize(
    ("name", "version", "says"),
    [
        ("jupyter-server-ydoc", "3.2.0", "jupyter-server-ydoc 3.2.0 is not supported"),
        ("jupyter-server-ydoc", "2.5.0", "jupyter-server-ydoc 2.5.0 is not supported"),
        ("jupyter-server-ydoc", None, "jupyter-server-ydoc is not installed"),
        ("pycrdt", "0.15.0", "pycrdt 0.15.0 is not supported"),
        ("pycrdt-websocket", "1.0", "pycrdt-websocket 1.0 is not supported"),
        ("jupyter-ydoc", "5", "jupyter-ydoc 5 is not supported"),
        ("jupyter-server-ydoc", "3.0", ""),
        ("jupyter-server-ydoc", "3.1.0a0", ""),
        ("jupyter-server-ydoc", "2.4.2", ""),
    ],
)
def test_each_part_must_fit(name: str, version: str | None, says: str) -> None:
    versions = {key: value for key, value in {**FITTING, name: version}.items() if value is not None}
    problem = protection.problem_with(versions)
    assert problem.startswith(says) and bool(problem) == bool(says)


def shadowed(directory: Path, **modules: str) -> Path:
    """Return a directory with modules that take precedence over the installed ones."""
    for name, text in modules.items():
        path = directory.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


OFTEN = f"""
from jupyterhub_collab.server import protection

protection.AGAIN_SECONDS = 1
{LOADED}
"""
RIVAL = """
from jupyter_server.extension.application import ExtensionApp


class Rival(ExtensionApp):
    name = "jupyter_server_documents"


def _jupyter_server_extension_points():
    return [{"module": "jupyter_server_documents", "app": Rival}]
"""


@pytest.fixture(params=["a release that is not known", "jupyter-server-documents"])
def unprotected(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[LocalServer, str]]:
    """Yield a server whose environment has a problem, and the beginning of the message about it."""
    beside = tmp_path / "beside"
    if request.param == "jupyter-server-documents":
        shadowed(beside, jupyter_server_documents=RIVAL)
        # Enabled as by its installation.
        config = tmp_path / "state/none/jupyter_server_config.d/rival.json"
        config.parent.mkdir(parents=True)
        config.write_text('{"ServerApp": {"jpserver_extensions": {"jupyter_server_documents": true}}}')
        said = "jupyter-server-documents is installed (jupyter-ai 3 installs it)"
    else:
        metadata = beside / "jupyter_server_ydoc-9.0.0.dist-info/METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text("Metadata-Version: 2.1\nName: jupyter-server-ydoc\nVersion: 9.0.0\n")
        said = "jupyter-server-ydoc 9.0.0 is not supported by the collection"
    shadowed(beside, of_test=OFTEN)
    monkeypatch.setenv("PYTHONPATH", str(beside))
    server = LocalServer(tmp_path, LOADS)
    server.start()
    yield server, said
    server.kill()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_everyone_is_told_where_it_is_not_in_force(unprotected: tuple[LocalServer, str]) -> None:
    server, said = unprotected
    assert said in server.log
    assert server.ask("GET", "api/collaboration-protection")["problem"].startswith(said)
    async with server.events() as events, asyncio.timeout(PATIENCE):
        while "not protected" not in (event := json.loads(await events.recv())).get("message", ""):
            pass
    assert said in event["message"] and (event["path"], event["level"]) == ("", "error")


def test_a_python_that_is_too_old_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a Python that is too old, the server does not start and says why, because it could not be guarded either."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer, but the environment .* has 3\.10"):
        runpy.run_path(str(CONFIG / "jupyter_server_config.py"), {"c": None})


def test_a_server_that_cannot_be_configured_does_not_start(tmp_path: Path) -> None:
    """Jupyter logs an error in a configuration file and goes on: the server would run without our rooms, and nobody would know."""
    environment = {"JUPYTER_CONFIG_PATH": str(CONFIG), SERVER_SETTINGS: "no JSON", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1
    assert "This server does not start, because it cannot be protected" in done.stderr
