# SPDX-License-Identifier: GPL-3.0-or-later
"""What the recipes of the images install."""

import base64
import os
import re
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils import (
    hub_environment,
    kubernetes_files,
    wheel,
)
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import PACKAGE, package_files

from chart import PACKAGE as PATH

SETTINGS = {
    "registry": "example.org",
    "hub_base": "example.org/hub:1",
    "singleuser_base": "example.org/lab:1",
    "base_url": "/",
    "history_claim": "",
    "stop_seconds": 30,
    "sharing_port": 0,
}
POLICY = {"sharing": True, "collaboration": {"state_directory": "/var/lib/jupyterhub-rtc"}}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Return the files that the playbook writes, by path."""
    made = kubernetes_files.files(SETTINGS, POLICY, {}, {"collab-rtc": {"disabled_extensions": ["@x/a"]}})
    return {path: base64.b64decode(text) for path, text in made["files"].items()}


def installed_from(content: bytes, place: Path) -> dict[str, str]:
    """Install a wheel as the recipes do, and return the text of each file of the package."""
    name, _content = wheel.wheel()
    (place / name).write_bytes(content)
    target = place / "target"
    command = [
        "uv",
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        f"--target={target}",
        str(place / name),
    ]
    subprocess.run(command, check=True)
    found = [*target.glob("jupyterhub_collab/**/*")]
    return {
        str(path.relative_to(target)): path.read_text()
        for path in found
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.parametrize("image", ["hub", "singleuser"])
def test_image_has_the_package_of_a_host(files: dict[str, bytes], tmp_path: Path, image: str) -> None:
    """Both images have the same package, at the path that the hub's configuration names. Requirement 113."""
    name, content = wheel.wheel()
    assert files[f"{image}/{name}"] == content
    assert installed_from(content, tmp_path) == package_files()
    recipe = files[f"{image}/Dockerfile"].decode()
    assert f"--target={PATH} /tmp/collab/{name}" in recipe
    assert PATH in files["values.yaml"].decode()


def test_wheel_is_the_one_that_a_build_tool_makes(tmp_path: Path) -> None:
    command = ["uv", "build", "--offline", "--wheel", "--quiet", f"--out-dir={tmp_path}", str(PACKAGE)]
    subprocess.run(command, check=True)
    (theirs,) = tmp_path.glob("*.whl")
    name, content = wheel.wheel()
    assert theirs.name == name
    with zipfile.ZipFile(theirs) as built, zipfile.ZipFile(BytesIO(content)) as ours:
        compared = [
            each for each in ours.namelist() if not re.search(r"\.dist-info/(METADATA|WHEEL|RECORD)$", each)
        ]
        assert {each: built.read(each) for each in compared} == {each: ours.read(each) for each in compared}
        (about,) = (each for each in ours.namelist() if each.endswith("METADATA"))
        fields = re.findall(
            r"^(Name|Version|Requires-Python|License-Expression): .*", built.read(about).decode(), re.M
        )
        assert len(fields) == 4
        for line in built.read(about).decode().partition("\n\n")[0].splitlines():
            if line.partition(":")[0] in fields:
                assert line in ours.read(about).decode()


def test_same_package_gives_the_same_bytes() -> None:
    assert wheel.wheel() == wheel.wheel()


def test_programs_of_the_recipes_are_python(files: dict[str, bytes]) -> None:
    for image in ("hub", "singleuser"):
        compile(files[f"{image}/prepare.py"], image, "exec")
    assert "@x/a" in files["singleuser/prepare.py"].decode()


@pytest.fixture
def environment(tmp_path: Path) -> Any:
    """Return a function that makes an environment with pip and what says that it is some version of JupyterHub."""

    def made(version: str) -> Path:
        place = tmp_path / f"environment-{version}"
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        wheel = _wheel(tmp_path, version)
        pip = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--no-index", str(wheel)]
        subprocess.run(pip, check=True)
        wheel.unlink()
        return place / "bin/python"

    return made


def _wheel(place: Path, version: str) -> Path:
    """Write a wheel that says it is this JupyterHub, and return its path."""
    about = f"jupyterhub-{version}.dist-info"
    parts = {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: jupyterhub\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    parts[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*parts, f"{about}/RECORD"])
    path = place / f"jupyterhub-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


@pytest.mark.long
def test_hub_with_a_known_vulnerability_is_updated(
    files: dict[str, bytes], tmp_path: Path, environment: Any
) -> None:
    """The image gets a release of the same major version that is safe to share with, or the build stops. Requirement 113."""
    for version in ("5.5.3", "5.5.5", "6.2.0"):
        _wheel(tmp_path, version)
    program = tmp_path / "prepare.py"
    program.write_bytes(files["hub/prepare.py"])
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}

    def build(version: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [environment(version), "-I", program]
        return subprocess.run(
            command, env=os.environ | variables, capture_output=True, text=True, check=False
        )

    assert build("5.5.0", **index).stdout.endswith("The image has JupyterHub 5.5.5\n")
    assert build("6.1.1", **index).stdout == "The image has JupyterHub 6.1.1\n"
    failed = build("5.4.6", PIP_NO_INDEX="1")
    assert failed.returncode == 1 and "Failed to update JupyterHub 5.4.6" in failed.stderr
    failed = build("7.0.0", **index)
    assert (
        failed.returncode == 1
        and "JupyterHub 7.0.0 is not supported. Use a base image with JupyterHub 5 or 6." in failed.stderr
    )


def test_base_without_a_hub_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_environment, "PACKAGE", "no-such-package")
    with pytest.raises(SystemExit, match="JupyterHub is not installed"):
        hub_environment.update({5: "5.5.4"})
