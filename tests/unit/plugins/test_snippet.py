# SPDX-License-Identifier: GPL-3.0-or-later
"""The snippet for images and start scripts, as the role's template renders it and as a shell runs it."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from concurrent.futures import ThreadPoolExecutor
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import package as hub_package
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import server_environment, snippet
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import package_files
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import rtc

LAB: dict[str, dict[str, Any]] = {
    "collab-rtc": {"disabled_extensions": ["@x/a"], "disabled_server_extensions": ["x"]},
    "collab-sharing": {"settings": {"@x/menus:plugin": {"menus": [{"id": "it's"}]}}},
}

NEEDED = "jupyter-server-ydoc"
PARTS = {name: low for name, (low, _high) in rtc.PARTS_FOR_LAB["4.6", "5"].items()}
VERSIONS = {"jupyterlab": "4.6.6", "jupyterhub": "6.1.1", "jupyter-collaboration": "5.0.4", **PARTS}


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the snippet for a package directory below the test's own."""
    monkeypatch.setattr(hub_package, "DIRECTORY", str(tmp_path / "packages"))
    path = tmp_path / "snippet.sh"
    path.write_text(snippet.text(LAB))
    return path


# Debian 12's is 3.11.2, which lacks parts of the standard library that later releases of 3.11 have.
DISTRIBUTIONS = "/usr/bin/python3"


@pytest.fixture(params=["own"])
def environment(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return an environment in which all required packages are installed, as far as their metadata tells.

    With the parameter `of the distribution`, its interpreter is the distribution's.
    """
    path = tmp_path / "environment"
    python = sys.executable if request.param == "own" else DISTRIBUTIONS
    subprocess.run([python, "-m", "venv", "--without-pip", path], check=True)
    (site,) = path.glob("lib/python3*/site-packages")
    for package, version in VERSIONS.items():
        directory = site / f"{package.replace('-', '_')}-{version}.dist-info"
        directory.mkdir()
        needs = f"Requires-Dist: {NEEDED}>=2\n" if package == "jupyter-collaboration" else ""
        (directory / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n{needs}"
        )
    # JupyterLab itself tells where its directories are.
    (site / "jupyterlab").mkdir()
    (site / "jupyterlab/__init__.py").touch()
    (path / "share/jupyter/lab/static").mkdir(parents=True)
    (site / "others.pth").write_text("\n".join(each for each in sys.path if each.endswith("site-packages")))
    return path


def run(script: Path, *arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        ["sh", str(script), *arguments], env=environment, check=False, capture_output=True, text=True
    )


def test_shell_takes_it(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", script], check=True)


def test_it_is_the_same_from_run_to_run(script: Path) -> None:
    assert snippet.text(LAB) == script.read_text()


@pytest.mark.parametrize("environment", ["own", "of the distribution"], indirect=True)
def test_package_is_where_the_hub_says(script: Path, environment: Path) -> None:
    """The package is where the hub expects it, with unchanged files that servers' accounts can read."""
    done = run(script, f"{environment}/bin/python")
    assert done.returncode == 0, done.stderr
    package = hub_package.HubPackage(package_files())
    there = {
        str(path.relative_to(package.path)): path.read_text(encoding="utf-8")
        for path in Path(package.path).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert there == package.files
    # Servers cannot write there, and would compile everything again whenever they start.
    sources = [*Path(package.path).rglob("*.py")]
    assert [path for path in sources if not Path(cache_from_source(str(path))).is_file()] == []
    assert {path.stat().st_mode & 0o777 for path in Path(package.path).rglob("*") if path.is_file()} == {
        0o644
    }
    assert {path.stat().st_mode & 0o777 for path in Path(package.path).rglob("*") if path.is_dir()} == {0o755}
    assert os.listdir(os.path.dirname(package.path)) == [os.path.basename(package.path)]


def test_jupyterlab_is_told_what_is_off(script: Path, environment: Path) -> None:
    """JupyterLab's extensions are disabled in the same files that step lab_settings writes on a host."""
    assert run(script, f"{environment}/bin/python").returncode == 0
    page = environment / "etc/jupyter/labconfig/page_config.d/collab-rtc.json"
    assert json.loads(page.read_text()) == {"disabledExtensions": {"@x/a": True}}
    server = environment / "etc/jupyter/jupyter_server_config.d/zz-collab-rtc.json"
    assert json.loads(server.read_text()) == {"ServerApp": {"jpserver_extensions": {"x": False}}}


def test_second_run_changes_nothing(script: Path, environment: Path) -> None:
    first, second = (run(script, f"{environment}/bin/python") for _ in range(2))
    assert "zz-collab-rtc.json" in first.stdout
    assert second.stdout == f"{script}: changed in {environment}: nothing\n"


def test_installation_that_was_cut_off_is_done_again(script: Path, environment: Path) -> None:
    """An interrupted installation is repeated. This environment has neither pip nor uv, so the run fails and changes nothing."""
    shutil.rmtree(next(environment.glob(f"lib/*/site-packages/{NEEDED.replace('-', '_')}-*")))
    (next(environment.glob("lib/*/site-packages")) / "others.pth").unlink()
    (next(environment.glob("lib/*/site-packages")) / "jupyter_core").symlink_to(
        Path(sysconfig.get_path("purelib"), "jupyter_core")
    )
    done = run(script, f"{environment}/bin/python", path="/usr/bin:/bin")
    assert done.returncode == 1
    assert "Neither pip nor uv is available for" in done.stderr
    assert not (environment / "etc").exists()


# Takes a moment to install, and fails if another one is at work.
INSTALLER = """#!/bin/sh
mkdir {busy} || exit 1
sleep 1
sed -i 's/^Version: .*/Version: 5.0.4/' {metadata}
rmdir {busy}
"""


def test_scripts_that_start_at_the_same_time_change_the_environment_once(
    script: Path, environment: Path, tmp_path: Path
) -> None:
    """Two servers of a user start. The second one waits for the installer of the first, and finds nothing to change."""
    metadata = next(environment.glob("lib/*/site-packages/jupyter_collaboration-*/METADATA"))
    metadata.write_text(metadata.read_text().replace("Version: 5.0.4", "Version: 1.0"))
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin/uv"
    uv.write_text(INSTALLER.format(busy=tmp_path / "busy", metadata=metadata))
    uv.chmod(0o755)
    path = f"{tmp_path}/bin:/usr/bin:/bin"
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _number: run(script, f"{environment}/bin/python", path=path), range(3)))
    assert [each.returncode for each in done] == [0, 0, 0], [each.stderr for each in done]
    assert sorted("jupyter-collaboration" in each.stdout for each in done) == [False, False, True]


def test_installer_that_installs_elsewhere(script: Path, environment: Path, tmp_path: Path) -> None:
    """An image's settings for pip or uv can name another target. The image must not pass for prepared."""
    metadata = next(environment.glob("lib/*/site-packages/jupyter_collaboration-*/METADATA"))
    metadata.write_text(metadata.read_text().replace("Version: 5.0.4", "Version: 1.0"))
    (tmp_path / "bin").mkdir()
    uv = tmp_path / "bin/uv"
    uv.write_text("#!/bin/sh\nexit 0\n")
    uv.chmod(0o755)
    done = run(script, f"{environment}/bin/python", path=f"{tmp_path}/bin:/usr/bin:/bin")
    assert done.returncode == 1
    assert (
        f"not all packages are in {environment}. A setting of the installer may lead elsewhere" in done.stderr
    )


def test_script_does_not_wait_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_environment, "LOCK_SECONDS", 0)
    with (
        server_environment.lock(str(tmp_path)),
        pytest.raises(server_environment.NotPossible, match="End it, then start the server again"),
        server_environment.lock(str(tmp_path)),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_only_those_who_can_change_an_environment_can_keep_a_script_waiting(tmp_path: Path) -> None:
    """Everyone could lock what everyone can read, such as the environment's directory."""
    with server_environment.lock(str(tmp_path)):
        (file,) = tmp_path.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600


def test_environment_that_cannot_be_locked_is_prepared_all_the_same(tmp_path: Path) -> None:
    with server_environment.lock(str(tmp_path / "missing")):
        pass


def test_settings_file_that_another_script_has_just_deleted(tmp_path: Path) -> None:
    server_environment.write({str(tmp_path / "gone"): None})


def test_interpreter_is_the_first_that_has_jupyterlab(
    script: Path, environment: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "without", symlinks=True)
    done = run(script, path=f"{tmp_path}/without/bin:{environment}/bin:{os.environ['PATH']}")
    assert f"changed in {environment}: " in done.stdout


def test_interpreter_without_jupyterlab_is_refused(script: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "without", symlinks=True)
    python = f"{tmp_path}/without/bin/python"
    done = run(script, python)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{script}: {python} has no JupyterLab. Name the interpreter of the environment that has it.\n"
    )
    assert not (tmp_path / "packages").exists()


@pytest.mark.parametrize("lab", ["4.4.0", "4.5.9", "4.6.0", "4.6.6", "4.99"])
def test_collaboration_is_the_one_that_the_role_takes(lab: str) -> None:
    fits = [(list(each), list(fit)) for each, fit in rtc.COLLABORATION_FOR_LAB.items()]
    wanted = rtc.collaboration_versions(lab)
    assert wanted
    assert tuple(server_environment.collaboration_for(lab, fits)) == wanted


def test_chats_come_with_collaboration(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requirement V7: images and start scripts have the same release of jupyterlab-chat. An installer that brings none is an error."""
    monkeypatch.setattr(hub_package, "DIRECTORY", str(tmp_path / "packages"))
    off = [*LAB["collab-rtc"]["disabled_extensions"], rtc.CHAT_EXTENSION]
    script = tmp_path / "chat.sh"
    script.write_text(snippet.text({**LAB, "collab-rtc": {**LAB["collab-rtc"], "disabled_extensions": off}}))
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "uv").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\n')
    (programs / "uv").chmod(0o755)
    done = run(script, f"{environment}/bin/python", path=f"{programs}:{os.environ['PATH']}")
    assert done.returncode == 1 and "not all packages are in" in done.stderr
    assert (tmp_path / "asked").read_text().split()[-1] == "jupyterlab-chat>=0.25.3,<0.26"
    (site,) = environment.glob("lib/python3*/site-packages")
    (site / "jupyterlab_chat-0.25.3.dist-info").mkdir()
    (site / "jupyterlab_chat-0.25.3.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: jupyterlab-chat\nVersion: 0.25.3\n"
    )
    done = run(script, f"{environment}/bin/python")
    assert (done.returncode, done.stderr) == (0, "")


def test_chats_need_a_jupyterlab_that_has_them() -> None:
    more = [[rtc.CHAT, [[list(each), list(fit)] for each, fit in rtc.CHAT_FOR_LAB.items()]]]
    assert server_environment.more_for("4.5.0", more) == {rtc.CHAT: list(rtc.chat_versions("4.5.0") or ())}
    with pytest.raises(server_environment.NotPossible, match=r"from 4\.5 to below 5, or run the playbook"):
        server_environment.more_for("4.4.10", more)


@pytest.mark.parametrize("lab", ["4.3.9", "5.0.0", "3.6"])
def test_jupyterlab_that_none_fits_is_refused(lab: str) -> None:
    fits = [(list(each), list(fit)) for each, fit in rtc.COLLABORATION_FOR_LAB.items()]
    with pytest.raises(
        server_environment.NotPossible, match=r"Install a JupyterLab from 4\.4 to below 5, or update"
    ):
        server_environment.collaboration_for(lab, fits)
