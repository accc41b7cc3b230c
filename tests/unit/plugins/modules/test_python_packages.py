# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages get into a Python environment, by real tools into real environments, from wheels made here (requirements 13, 14 and 16)."""

from __future__ import annotations

import base64
import ensurepip
import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import state as host_state
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import (
    installation,
    installer_report,
    pip_settings,
)
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import installer as package_installer
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages.environment import (
    Environment,
    PackagesError,
)
from ansible_collections.collab.jupyterhub.plugins.modules import python_packages
from certipy import Certipy  # type: ignore[import-untyped]

Result = dict[str, Any]
UV = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *requires: str,
    provides: str = "",
    script: str = "",
    data: str = "",
) -> Path:
    about = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {text}\n" for text in requires)
    needs += f"Provides-Extra: {provides}\n" if provides else ""
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        files[f"{name}-{version}.data/scripts/{script}"] = "#!python\n"
    if data:
        files[f"{name}-{version}.data/data/{data}"] = "{}"
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{about}/RECORD": f"{record}{about}/RECORD,,\n"}.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, text)
    return wheel


def no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide pip's configuration files of this machine."""
    for name in ("OF_ALL", "OF_USER"):
        monkeypatch.setattr(pip_settings, name, "")
    for name in ("XDG_CONFIG_DIRS", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, "/nowhere")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of wheels that pip's own settings name as the only source of packages."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    no_files(monkeypatch)
    monkeypatch.setattr(host_state, "STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    # Nothing runs the installed packages, so nothing needs to be compiled.
    monkeypatch.setenv("UV_COMPILE_BYTECODE", "0")
    monkeypatch.setenv("PIP_NO_COMPILE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    make_wheel(folder, "board", "1.0")
    make_wheel(folder, "board", "2.0")
    make_wheel(folder, "chalk", "1.0", "board")
    make_wheel(folder, "chalk", "2.0", "board>=2")
    return folder


@pytest.fixture(scope="session")
def pip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path of Python's bundled pip, unpacked: from its wheel, pip is compiled again at each call."""
    bundled = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"), None)
    debian = Path("/usr/share/python-wheels")
    wheel = bundled or next(debian.glob("pip-*.whl"))
    folder = tmp_path_factory.mktemp("pip")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return str(folder / "pip")


@pytest.fixture
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, pip: str) -> str:
    """Choose the installer: uv, or pip alone, as on a host that has no uv and cannot download it."""
    name = str(getattr(request, "param", "uv"))
    assert UV, "uv is missing: run `make env`"
    found = UV if name == "uv" else None
    monkeypatch.setattr(package_installer, "find_uv", lambda *_arguments: found)
    monkeypatch.setattr(package_installer, "fetch_uv", lambda *_arguments: None)
    monkeypatch.setattr(package_installer, "pips_at_hand", lambda environment: [[environment.python, pip]])
    return name


PIP = pytest.param("pip", marks=pytest.mark.long)
with_either_tool = pytest.mark.parametrize("tool", ["uv", "pip"], indirect=True)
# Where pip is called in no other way than by the tests with either tool.
with_pip_too = pytest.mark.parametrize("tool", ["uv", PIP], indirect=True)
Ensure = Callable[..., Result]


@pytest.fixture
def ensure(index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ensure:
    """Return a function that runs the module on the test's environment, and returns its result."""

    def run(*packages: str, check: bool = False, **options: Any) -> Result:
        arguments = {
            "environment": str(tmp_path / "env"),
            "packages": list(packages),
            "tool_directory": str(tmp_path / "tools" / "uv"),
            "_ansible_check_mode": check,
            "_ansible_remote_tmp": str(tmp_path / "remote"),
            **options,
        }
        capsys.readouterr()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            python_packages.main()
        result: Result = json.loads(capsys.readouterr().out)
        return result

    return run


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has the lock")
@pytest.mark.usefixtures("environment", "tool")
def test_two_plays_do_not_install_at_once(ensure: Ensure, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second takes the first one's journal for that of a killed run, and removes the half-written packages of a running installer."""
    monkeypatch.setattr(host_state, "LOCK_SECONDS", 0)
    with host_state.lock():
        assert "another run has been active" in ensure("board")["msg"]
        assert ensure("board", check=True)["changed"]
    assert ensure("board")["installed"] == {"board": "2.0"}


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Create a virtual environment without pip."""
    path = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True)
    return path


def module_file(environment: Path, name: str) -> Path:
    return next(environment.glob("lib/python3*/site-packages")) / f"{name}.py"


@with_either_tool
def test_packages_are_installed_once(ensure: Ensure, environment: Path, tool: str) -> None:
    first = ensure("chalk>=1")
    assert first["changed"]
    assert first["installed"] == first["packages"] == {"board": "2.0", "chalk": "2.0"}
    assert first["installer"] == tool
    assert first["diff"] == {"before": "", "after": "board==2.0\nchalk==2.0\n"}

    second = ensure("chalk>=1,<3")
    assert not second["changed"]
    assert second["installed"] == {}
    assert second["installer"] == ""


def test_an_upgrade_names_what_moved(ensure: Ensure, environment: Path, tool: str) -> None:
    ensure("chalk==1.0", "board==2.0")
    result = ensure("chalk==2.0")
    assert result["installed"] == {"chalk": "2.0"}
    assert result["diff"] == {"before": "chalk==1.0\n", "after": "chalk==2.0\n"}


@with_pip_too
def test_what_a_constraint_holds_does_not_move(ensure: Ensure, environment: Path, tool: str) -> None:
    ensure("board==1.0")
    assert ensure("chalk", constraints=["board==1.0"])["packages"] == {"board": "1.0", "chalk": "1.0"}

    result = ensure("chalk>=2", constraints=["board==1.0"])
    assert result["failed"]
    assert "chalk" in result["msg"]
    assert result["stderr"]
    assert ensure("chalk")["packages"] == {"board": "1.0", "chalk": "1.0"}


def test_a_failure_is_one_sentence_with_the_name(ensure: Ensure, environment: Path, tool: str) -> None:
    result = ensure("board", "eraser>=3")
    assert result["failed"]
    assert result["msg"].startswith(f"Failed to install eraser in {environment}: ")
    assert "\n" not in result["msg"]
    assert not module_file(environment, "board").exists()


def test_a_damaged_wheel_is_named(ensure: Ensure, index: Path, environment: Path, tool: str) -> None:
    (index / "eraser-3.0-py3-none-any.whl").write_bytes(b"not a zip")
    assert "the download of eraser is damaged" in ensure("eraser")["msg"]


def test_check_mode_says_what_would_come_and_changes_nothing(
    ensure: Ensure, environment: Path, tool: str
) -> None:
    result = ensure("chalk", check=True)
    assert result["changed"]
    assert result["diff"]["after"] == "board==2.0\nchalk==2.0\n"
    assert not module_file(environment, "chalk").exists()


def test_check_mode_without_an_environment(ensure: Ensure, tmp_path: Path) -> None:
    result = ensure("chalk>=1", create=True, check=True)
    assert result["changed"]
    assert result["installed"] == {"chalk": "wanted"}
    assert not (tmp_path / "env").exists()


def test_an_environment_is_made_only_if_asked_for(ensure: Ensure, tmp_path: Path, tool: str) -> None:
    assert "is not a Python environment" in ensure("board")["msg"]
    assert ensure("board", create=True)["packages"] == {"board": "2.0"}
    assert ensure(create=True)["changed"] is False


def test_an_interrupted_creation_is_completed(ensure: Ensure, tmp_path: Path, tool: str) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert ensure("board", create=True)["packages"] == {"board": "2.0"}


@with_pip_too
def test_an_interrupted_installation_is_completed(ensure: Ensure, environment: Path, tool: str) -> None:
    ensure("board==1.0")
    before = ensure("board==1.0")["packages"]
    ensure("chalk==2.0")
    module_file(environment, "chalk").unlink()
    packages = module_file(environment, "chalk").parent
    # Of a package whose installation was interrupted.
    for path in ("duster-1.0.dist-info", "duster-1.0.data/scripts"):
        (packages / path).mkdir(parents=True)
    (environment / ".python_packages-unfinished.json").write_text(json.dumps(before))

    result = ensure("chalk==2.0")
    assert result["installed"] == {"board": "2.0", "chalk": "2.0"}
    assert module_file(environment, "chalk").exists()
    assert not list(packages.glob("duster*"))
    assert not ensure("chalk==2.0")["changed"]


@with_either_tool
def test_a_half_made_package_is_not_in_the_way_of_a_plan(
    ensure: Ensure, environment: Path, tool: str
) -> None:
    """A partly installed package does not break the plan: if installations are recorded, a dry run reads the installed packages first."""
    packages = module_file(environment, "board").parent
    (packages / "board-2.0.dist-info").mkdir(parents=True)
    (environment / ".python_packages-unfinished.json").write_text("{}")
    assert ensure("board", remember=True)["packages"] == {"board": "2.0"}


def test_an_environment_without_its_python_is_broken(ensure: Ensure, environment: Path) -> None:
    python = environment / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.9")
    assert (
        "is broken, because its Python is a link to /nowhere/python3.9" in ensure("board", create=True)["msg"]
    )


@with_pip_too
def test_packages_are_removed(ensure: Ensure, environment: Path, tool: str) -> None:
    ensure("chalk")
    assert ensure("chalk", state="absent", check=True)["removed"] == ["chalk"]
    assert ensure("Chalk", "eraser", state="absent")["removed"] == ["chalk"]
    assert not ensure("chalk", state="absent")["changed"]


def restore(ensure: Ensure, **options: Any) -> Result:
    return ensure(state="restored", **options)


def remembered(tmp_path: Path) -> list[str]:
    state = tmp_path / "state"
    return sorted(path.name for path in state.iterdir()) if state.exists() else []


@with_pip_too
def test_what_an_installation_added_goes_with_its_folders(
    ensure: Ensure, index: Path, tmp_path: Path, environment: Path, tool: str
) -> None:
    make_wheel(index, "easel", "1.0", "board", data="share/school/room/easel.json")
    ensure("board==1.0")
    ensure("easel", remember=True)
    assert (environment / "share/school/room/easel.json").exists()
    tried = restore(ensure, check=True)
    assert (tried["changed"], tried["removed"]) == (True, ["easel"])
    result = restore(ensure)
    assert (result["removed"], result["packages"], result["kept"]) == (["easel"], {"board": "1.0"}, {})
    assert not (environment / "share/school").exists()
    assert remembered(tmp_path) == []
    assert not restore(ensure)["changed"]


def test_nothing_is_taken_back_that_nobody_remembered(
    ensure: Ensure, tmp_path: Path, environment: Path, tool: str
) -> None:
    ensure("chalk")
    assert not restore(ensure)["changed"]
    assert "chalk" in ensure("chalk", remember=True)["packages"]
    assert not restore(ensure)["changed"]
    assert remembered(tmp_path) == []


def test_what_someone_needs_by_now_is_kept_and_named(
    ensure: Ensure, index: Path, environment: Path, tool: str
) -> None:
    make_wheel(index, "lesson", "1.0", "board>=2")
    ensure("chalk", remember=True)
    ensure("lesson")
    result = restore(ensure)
    assert result["removed"] == ["chalk"]
    assert result["kept"] == {"board": "needed by lesson"}
    assert result["packages"] == {"board": "2.0", "lesson": "1.0"}


@with_pip_too
def test_what_was_moved_gets_its_version_back(ensure: Ensure, environment: Path, tool: str) -> None:
    ensure("board==1.0")
    ensure("chalk==2.0", remember=True)
    assert restore(ensure, check=True)["diff"]["after"] == "board==1.0\n"
    result = restore(ensure)
    assert result["packages"] == {"board": "1.0"}
    assert result["installed"] == {"board": "1.0"}


def test_version_of_before_that_cannot_be_had_is_tried_again_the_next_time(
    ensure: Ensure, index: Path, tmp_path: Path, environment: Path, tool: str
) -> None:
    ensure("board==1.0")
    ensure("chalk==2.0", remember=True)
    wheel = index / "board-1.0-py3-none-any.whl"
    content = wheel.read_bytes()
    wheel.unlink()
    shutil.rmtree(tmp_path / "cache")
    result = restore(ensure)
    assert (result["removed"], result["packages"]) == (["chalk"], {"board": "2.0"})
    assert "Failed to install board" in result["kept"]["board"]
    wheel.write_bytes(content)
    assert restore(ensure)["packages"] == {"board": "1.0"}
    assert remembered(tmp_path) == []


def test_version_that_someone_would_not_accept_is_not_put_back(
    ensure: Ensure, index: Path, environment: Path, tool: str
) -> None:
    make_wheel(index, "lesson", "1.0", "board>=2")
    ensure("board==1.0")
    ensure("chalk==2.0", remember=True)
    ensure("lesson")
    result = restore(ensure)
    assert result["packages"] == {"board": "2.0", "lesson": "1.0"}
    assert result["kept"] == {"board": "lesson does not accept 1.0"}


def test_version_that_someone_has_chosen_since_stays(
    ensure: Ensure, index: Path, environment: Path, tool: str
) -> None:
    make_wheel(index, "board", "3.0")
    ensure("board==1.0")
    ensure("chalk==2.0", "board<3", remember=True)
    ensure("board==3.0")
    assert restore(ensure)["packages"] == {"board": "3.0"}


def test_what_came_in_several_steps_goes_at_once(ensure: Ensure, environment: Path, tool: str) -> None:
    ensure("board==1.0", remember=True)
    ensure("chalk==2.0", remember=True)
    assert restore(ensure)["packages"] == {}


def test_installation_that_was_cut_off_is_taken_back(
    ensure: Ensure, environment: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted installation is removed again, because the new packages were recorded before.

    Here, the process ends right after it.
    """
    call = installation.Task.call

    def call_and_die(task: installation.Task, command: list[str]) -> str:
        output = call(task, command)
        if "--dry-run" not in command:
            raise KeyboardInterrupt
        return output

    monkeypatch.setattr(installation.Task, "call", call_and_die)
    with pytest.raises(KeyboardInterrupt):
        ensure("chalk", remember=True)
    assert module_file(environment, "chalk").exists()
    assert restore(ensure)["removed"] == ["board", "chalk"]


def test_what_came_counts_and_not_what_was_announced(
    ensure: Ensure, environment: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the tool's announcement cannot be understood, the packages that were really installed are recorded."""
    with monkeypatch.context() as patched:
        patched.setattr(installer_report, "announced", lambda _output: {})
        ensure("chalk", remember=True)
    assert restore(ensure)["removed"] == ["board", "chalk"]


def test_installation_that_failed_is_not_remembered(
    ensure: Ensure, tmp_path: Path, environment: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(task: installation.Task, command: list[str]) -> str:
        if "--dry-run" in command:
            return " + chalk==2.0\n"
        raise PackagesError("no")

    with monkeypatch.context() as patched:
        patched.setattr(installation.Task, "call", fail)
        assert ensure("chalk", remember=True)["failed"]
    assert remembered(tmp_path) == []
    ensure("chalk")
    assert not restore(ensure)["changed"]


def test_environment_that_is_gone_is_forgotten(
    ensure: Ensure, tmp_path: Path, environment: Path, tool: str
) -> None:
    ensure("chalk", remember=True)
    shutil.rmtree(environment)
    assert not restore(ensure)["changed"]
    assert remembered(tmp_path) == []


def test_tool_that_was_fetched_for_it_goes_with_the_last_environment(
    ensure: Ensure, tmp_path: Path, environment: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tools" / "uv"
    choose = package_installer.choose

    def fetch(*arguments: Any, **options: Any) -> Any:
        folder.mkdir(parents=True, exist_ok=True)
        return choose(*arguments, **options)

    monkeypatch.setattr(package_installer, "choose", fetch)
    ensure("board", remember=True)
    ensure("chalk", remember=True)
    restore(ensure)
    assert not folder.parent.exists()
    # a folder that existed before stays
    folder.mkdir(parents=True)
    ensure("board", remember=True)
    restore(ensure)
    assert folder.exists()


def test_a_wheel_of_our_own_is_installed_by_its_address(
    ensure: Ensure, tmp_path: Path, environment: Path, tool: str
) -> None:
    wheel = make_wheel(tmp_path, "eraser", "1.0")
    requirement = f"eraser @ {wheel.as_uri()}"
    assert ensure(requirement, "board")["installed"] == {"board": "2.0", "eraser": "1.0"}
    assert not ensure(requirement, "board")["changed"]
    other = make_wheel(tmp_path, "pencil", "1.0")
    assert ensure(str(other))["installed"] == {"pencil": "1.0"}
    assert not ensure(str(other)).get("failed")


def test_extras_count(ensure: Ensure, index: Path, environment: Path, tool: str) -> None:
    make_wheel(index, "desk", "1.0", 'chalk ; extra == "school"', provides="school")
    assert ensure("desk")["packages"] == {"desk": "1.0"}
    assert ensure("desk[school]")["installed"] == {"board": "2.0", "chalk": "2.0"}


@pytest.mark.parametrize(("text", "words"), [("--index-url=x", "is not a requirement"), ("", "is not a req")])
def test_only_requirements_are_taken(ensure: Ensure, environment: Path, text: str, words: str) -> None:
    assert words in ensure(text)["msg"]


@pytest.mark.parametrize(
    ("output", "name", "words"),
    [
        (
            "error: No solution found when resolving dependencies\n  cause: Because eraser was not found in the "
            "package registry and you require eraser>=1, we can conclude that your requirements are unsatisfiable.",
            "eraser",
            "the package eraser does not exist",
        ),
        (
            "  \u00d7 No solution found when resolving dependencies:\n  ╰─▶ Because only chalk<=3.20 is available and you\n"
            "      require chalk>=99, we can conclude that your requirements are unsatisfiable.",
            "chalk",
            "no available version of chalk meets the requirement",
        ),
        (
            "error: Request failed after 3 retries in 6.6s\n  cause: Failed to fetch: http://127.0.0.1:9/simple/chalk/",
            "chalk",
            "the package index is unreachable (http://127.0.0.1:9/simple/chalk/)",
        ),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip.HTTPSConnection "
            "object at 0x7f>: Failed to establish a new connection: [Errno 111]')': /simple/chalk/\n"
            "ERROR: Could not find a version that satisfies the requirement chalk (from versions: none)\n"
            "ERROR: No matching distribution found for chalk",
            "chalk",
            "the package index is unreachable (/simple/chalk/)",
        ),
        (
            "ERROR: No matching distribution found for chalk>=9",
            "chalk",
            "no available version of chalk",
        ),
        (
            "ERROR: Cannot install board==1.0 and chalk==2.0 because these package versions have conflicting "
            "dependencies.",
            None,
            "board==1.0 and chalk==2.0 conflict with each other",
        ),
        (
            "error: No solution found\n  cause: Because chalk==2.0 depends on board>=2 and you require board==1.0, "
            "we can conclude that chalk==2.0 cannot be used.",
            None,
            "chalk==2.0 depends on board>=2 and you require board==1.0",
        ),
        (
            "error: Failed to download and build `chalk==0.6.2`\n  cause: ...",
            "chalk",
            "failed to download chalk",
        ),
        ("something new\nthe last line", None, "the last line"),
        ("", None, "the tool did not give a reason"),
    ],
)
def test_the_reason_is_read_from_what_the_tool_says(output: str, name: str | None, words: str) -> None:
    why, who = installer_report.reason(output)
    assert words in why
    assert who == name


def test_a_dry_run_of_either_tool_is_understood() -> None:
    assert installer_report.announced("Would install 1 package\n + Big_Chalk==2.0\n") == {"big-chalk": "2.0"}
    assert installer_report.announced("Would install board-1.0 jupyter-chalk-2.0rc1\n") == {
        "board": "1.0",
        "jupyter-chalk": "2.0rc1",
    }


def test_what_pip_is_told_holds_for_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_files(monkeypatch)
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example\ncert = /etc/ca.pem\n")

    def told_uv(env: dict[str, str]) -> dict[str, str]:
        return pip_settings.tool_environment(env, pip_settings.pip_settings(env, str(tmp_path)))

    told = told_uv({})
    assert told["UV_DEFAULT_INDEX"] == "https://file.example"
    assert told["SSL_CERT_FILE"] == "/etc/ca.pem"

    env = {"PIP_INDEX_URL": "https://task.example", "PIP_FIND_LINKS": "/a /b", "SSL_CERT_FILE": "/mine.pem"}
    told = told_uv(env)
    assert told["UV_DEFAULT_INDEX"] == "https://task.example"
    assert told["UV_FIND_LINKS"] == "/a,/b"
    assert "SSL_CERT_FILE" not in told

    env = {"PIP_INDEX_URL": "https://task.example", "UV_INDEX_URL": "https://uv.example"}
    assert "UV_DEFAULT_INDEX" not in told_uv(env)


def test_all_sections_of_pip_count_and_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_files(monkeypatch)
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://all.example\nproxy = proxy.example:3128\n"
        "[install]\nindex_url = https://install.example\nfind-links =\n  /a\n  /b\nuser = true\n"
    )
    settings = pip_settings.pip_settings({"REQUESTS_CA_BUNDLE": "/ca.pem"}, str(tmp_path))
    told = pip_settings.tool_environment({"HTTPS_PROXY": "http://of.the.task"}, settings)
    assert told["UV_DEFAULT_INDEX"] == "https://install.example"
    assert told["UV_FIND_LINKS"] == "/a,/b"
    assert told["HTTPS_PROXY"] == told["http_proxy"] == "http://proxy.example:3128"
    assert told["SSL_CERT_FILE"] == "/ca.pem"
    assert (told["PIP_USER"], told["PIP_REQUIRE_VIRTUALENV"]) == ("0", "0")
    assert pip_settings.pip_settings({"PIP_CONFIG_FILE": os.devnull}, str(tmp_path)) == {}


def test_authorities_of_the_host_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """uv uses the host's certificate authorities, if the host has any. Otherwise, uv only has its own list."""
    store = tmp_path / "certificates"
    monkeypatch.setattr(pip_settings, "SYSTEM_CERTIFICATES", (str(store),))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    assert "UV_SYSTEM_CERTS" not in pip_settings.tool_environment({}, {})
    store.write_text("")
    assert pip_settings.tool_environment({}, {})["UV_SYSTEM_CERTS"] == "1"


@pytest.mark.parametrize("tool", ["pip"], indirect=True)
def test_where_people_install_to_is_nothing_to_an_environment(
    ensure: Ensure, environment: Path, tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nrequire-virtualenv = true\n[install]\nuser = true\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert ensure("board")["packages"] == {"board": "2.0"}


@pytest.fixture
def pip_conf(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return pip's configuration file."""
    path = tmp_path / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    return path


@pytest.mark.parametrize(
    "setting",
    [
        "target",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("prefix", "root", "python", "dry-run", "no-deps", "quiet", "report", "requirement")
        ),
        "PIP_TARGET",
    ],
)
@pytest.mark.parametrize("tool", ["pip"], indirect=True)
def test_what_and_where_people_install_is_nothing_to_an_environment(
    ensure: Ensure,
    environment: Path,
    tmp_path: Path,
    tool: str,
    pip_conf: Path,
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """pip would install elsewhere, nothing, or more, and report success."""
    value = {"dry-run": "true", "no-deps": "1", "quiet": "2"}.get(setting, str(tmp_path / "elsewhere"))
    if setting.startswith("PIP_"):
        monkeypatch.setenv(setting, value)
    else:
        pip_conf.write_text(f"[install]\n{setting} = {value}\n")
    assert ensure("chalk", remember=True).get("packages") == {"board": "2.0", "chalk": "2.0"}
    assert not (tmp_path / "elsewhere").exists()


@with_either_tool
def test_settings_in_the_home_directory_of_root(
    ensure: Ensure,
    environment: Path,
    tmp_path: Path,
    tool: str,
    pip_conf: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """pip expands `~` in them. A comment may have bytes that are not UTF-8."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PIP_FIND_LINKS")
    pip_conf.write_bytes(
        b"[global]\nno-index = false\n# caf\xe9\n[install]\nno-index =\nfind-links =\n  ~/wheels\n  ~/none\n"
    )
    (tmp_path / "none").mkdir()
    assert ensure("chalk").get("packages") == {"board": "2.0", "chalk": "2.0"}


@with_either_tool
def test_which_packages_may_come_is_the_same_with_either_tool(
    ensure: Ensure, index: Path, environment: Path, tool: str, pip_conf: Path
) -> None:
    make_wheel(index, "board", "3.0rc1")
    pip_conf.write_text("[install]\npre = true\nonly-binary = chalk,board\n")
    assert ensure("board")["installed"] == {"board": "3.0rc1"}
    pip_conf.write_text("[global]\nno-binary = chalk\n")
    assert "chalk" in ensure("chalk")["msg"]
    pip_conf.write_text("[global]\nrequire-hashes = true\n")
    assert "the setting require-hashes refuses packages" in ensure("chalk")["msg"]


@pytest.mark.parametrize("cache", ["UV_CACHE_DIR", "XDG_CACHE_HOME", "HOME"])
def test_cache_that_cannot_be_written_is_not_needed(
    ensure: Ensure, environment: Path, tmp_path: Path, tool: str, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pip does, uv continues without a cache, for example if root's home directory is read-only."""
    (tmp_path / "file").touch()
    for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(cache, str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(package_installer, "pips_at_hand", lambda _environment: [])
    result = ensure("board")
    assert (result.get("installer"), result.get("packages")) == ("uv", {"board": "2.0"}), result


def test_tool_that_reports_success_and_installs_elsewhere(
    ensure: Ensure, environment: Path, tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever setting leads a tool elsewhere, the play does not continue as if the packages were there."""
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\nexec {UV} "$@" --target {tmp_path}/elsewhere\n')
    uv.chmod(0o755)
    monkeypatch.setattr(package_installer, "find_uv", lambda *_arguments: str(uv))
    assert f"but board, chalk is not in {environment}" in ensure("chalk>=1", remember=True)["msg"]
    assert f"but chalk is not in {environment}" in ensure("chalk>=1")["msg"]


def test_files_are_those_that_pip_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip itself names them. Some releases of pip sort them by kind."""
    env = {
        "HOME": "/root-of-ours",
        "XDG_CONFIG_HOME": "/own",
        "XDG_CONFIG_DIRS": "/one:/two",
        "PIP_CONFIG_FILE": "/named",
        "PATH": os.environ["PATH"],
    }
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.setenv(name, env[name])
    debug = [sys.executable, "-m", "pip", "config", "debug"]
    told = subprocess.run(debug, env=env, capture_output=True, text=True, check=True).stdout
    named = re.findall(r"^  (/.*), exists: ", told, re.M)
    ours = pip_settings.pip_files(env, sys.prefix)
    assert sorted(ours) == sorted(named)
    assert ours[-2:] == [f"{sys.prefix}/pip.conf", "/named"]


class Mirror(BaseHTTPRequestHandler):
    """A package index at any path, and a proxy that answers for every host."""

    folder: Path
    status = 200

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.strip("/").split("/")
        name = path[-1]
        if name.endswith(".whl"):
            answer = (self.folder / name).read_bytes()
        else:
            files = [wheel.name for wheel in sorted(self.folder.glob(f"{name}-*.whl"))]
            answer = "".join(f'<a href="/files/{each}">{each}</a>' for each in files).encode()
        self.send_response(self.status if answer else 404)
        self.send_header("Content-Type", "text/html" if name[-4:] != ".whl" else "application/zip")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def mirror(index: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of a mirror of the wheels, which no setting names yet."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Mirror,), {"folder": index}))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@with_either_tool
def test_index_behind_a_proxy_that_pip_names(
    ensure: Ensure, environment: Path, tmp_path: Path, mirror: str, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(f"[install]\nindex-url = http://packages.invalid/simple\nproxy = {mirror[7:]}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_TRUSTED_HOST", "packages.invalid")
    assert ensure("chalk")["packages"] == {"board": "2.0", "chalk": "2.0"}


def test_pip_goes_where_uv_does_not_get(
    ensure: Ensure, environment: Path, tmp_path: Path, mirror: str, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If uv cannot reach an index that pip can reach, for whatever reason, pip installs the packages, and they are recorded as usual."""
    monkeypatch.setenv("PIP_INDEX_URL", f"{mirror}/simple")
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert ensure("chalk", check=True)["installed"] == {"board": "2.0", "chalk": "2.0"}
    result = ensure("chalk", remember=True)
    assert (result["installer"], result["packages"]) == ("pip", {"board": "2.0", "chalk": "2.0"})
    assert restore(ensure)["removed"] == ["board", "chalk"]
    failed = ensure("eraser", remember=True)
    assert failed["msg"].startswith(f"Failed to install eraser in {environment}: ")
    assert remembered(tmp_path) == []


@pytest.mark.parametrize(
    "program",
    [
        b"#!/bin/sh\necho \"error: unexpected argument '--reinstall' found\" >&2; exit 2\n",
        pytest.param(
            b"#!/bin/sh\necho \"uv: version 'GLIBC_2.38' not found (required by uv)\" >&2; exit 1\n",
            marks=pytest.mark.long,
        ),
        pytest.param(b"\x7fELF of another processor", marks=pytest.mark.long),
    ],
)
def test_pip_goes_where_uv_does_not_work(
    ensure: Ensure,
    environment: Path,
    tmp_path: Path,
    tool: str,
    program: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The host's uv is too old, or made for another system."""
    uv = tmp_path / "uv"
    uv.write_bytes(program)
    uv.chmod(0o755)
    monkeypatch.setattr(package_installer, "find_uv", lambda *_arguments: str(uv))
    result = ensure("board", remember=True)
    assert (result.get("installer"), result.get("packages")) == ("pip", {"board": "2.0"}), result


@pytest.fixture
def own_authority(
    index: Path, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """Yield the address of the mirror over TLS, and its certificate authority, which nothing trusts yet."""
    certificates = Certipy(store_dir=str(tmp_path))
    certificates.create_ca("organisation")
    pair = certificates.create_signed_pair("mirror", "organisation", alt_names=["IP:127.0.0.1"])["files"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair["cert"], pair["key"])
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Mirror,), {"folder": index}))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    yield f"https://127.0.0.1:{server.server_port}", pair["ca"]
    server.shutdown()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to replace the host's certificate store")
def test_index_whose_authority_only_the_host_trusts(
    ensure: Ensure,
    environment: Path,
    tmp_path: Path,
    own_authority: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mirror works if only the host's store has its authority, as with an organization's mirror or a proxy that inspects TLS."""
    address, authority = own_authority
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
    # The real uv, on a host with this certificate store.
    store = "/etc/ssl/certs/ca-certificates.crt"
    uv = tmp_path / "uv"
    uv.write_text(
        f"""#!/bin/sh\nexec unshare --mount sh -c 'mount --bind {authority} {store} && exec {UV} "$@"' uv "$@"\n"""
    )
    uv.chmod(0o755)
    monkeypatch.setattr(package_installer, "find_uv", lambda *_arguments: str(uv))
    monkeypatch.setattr(package_installer, "pips_at_hand", lambda _environment: [])
    result = ensure("chalk")
    assert result.get("packages") == {"board": "2.0", "chalk": "2.0"}, result


@with_either_tool
def test_index_whose_certificate_nothing_trusts(
    ensure: Ensure,
    environment: Path,
    own_authority: tuple[str, str],
    tool: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{own_authority[0]}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    result = ensure("chalk")
    assert "the host does not trust the certificate of the package index" in result["msg"]


@with_either_tool
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "401"),
        pytest.param(403, "403", marks=pytest.mark.long),
        pytest.param(407, "407", marks=pytest.mark.long),
        pytest.param(503, "unreachable", marks=pytest.mark.long),  # uv asks again for seconds
    ],
)
def test_index_that_refuses(
    ensure: Ensure,
    environment: Path,
    mirror: str,
    tool: str,
    status: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message names the answer of the index, and does not say that the package does not exist. It has no password in it."""
    monkeypatch.setattr(Mirror, "status", status)
    monkeypatch.setenv("PIP_INDEX_URL", f"{mirror}/simple".replace("//", "//ann:sesame@"))
    monkeypatch.setenv("PIP_RETRIES", "0")
    result = ensure("chalk")
    assert "the package index" in result["msg"]
    assert words in result["msg"]
    assert "sesame" not in str(result)


@pytest.mark.parametrize("tool", ["pip"], indirect=True)
def test_index_that_refuses_when_versions_are_restored(
    ensure: Ensure, environment: Path, mirror: str, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{mirror}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    ensure("board==1.0")
    ensure("chalk==2.0", remember=True)
    monkeypatch.setattr(Mirror, "status", 403)
    assert "the package index answered 403" in restore(ensure)["kept"]["board"]


def no_tool(command: list[str]) -> tuple[int, str, str]:
    raise AssertionError(command)


def test_beside_packages_of_the_distribution_pip_decides_and_uv_installs() -> None:
    system = Environment(
        "/usr/bin/python3", is_system=True, foreign=["jupyterlab"], pip=True, externally_managed=True
    )
    installer = package_installer.choose(no_tool, system, "/none", sys.executable, [])
    assert installer.name == "uv"
    assert installer.target == ["--python", "/usr/bin/python3", "--break-system-packages"]
    assert installer.planner
    assert installer.planner.install("x") == [
        *("/usr/bin/python3", "-m", "pip", "install"),
        *("--break-system-packages", "x"),
    ]


@pytest.mark.parametrize("foreign", [[], ["jupyterlab"]])
def test_without_any_tool_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, foreign: list[str]) -> None:
    monkeypatch.setattr(package_installer, "pips_at_hand", lambda _environment: [])
    system = Environment("/usr/bin/python3", is_system=True, foreign=foreign)
    with pytest.raises(PackagesError, match="apt install python3-venv"):
        package_installer.choose(no_tool, system, "/none", None, [])


def test_uv_is_fetched_with_pip(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "uv", "1.0", script="uv")
    pips = package_installer.pips_at_hand(Environment(sys.executable))

    def run(command: list[str]) -> tuple[int, str, str]:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    uv = package_installer.fetch_uv(run, pips, str(tmp_path / "tools" / "uv"))
    assert uv == str(tmp_path / "tools" / "uv" / "bin" / "uv")
    assert not (tmp_path / "tools" / "uv.new").exists()
