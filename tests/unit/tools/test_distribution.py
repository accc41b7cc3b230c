# SPDX-License-Identifier: GPL-3.0-or-later
"""The package as a distribution: an image that installs the wheel gets what a host gets."""

import shutil
import subprocess
import zipfile

import pytest
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.package import PACKAGE, package_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the text of each file in a wheel that is built from the checkout."""
    place = tmp_path_factory.mktemp("wheel")
    # As in the collection's archive, without what Python and other tools have left in the checkout.
    shutil.copytree(PACKAGE, place / "python", ignore=shutil.ignore_patterns("__pycache__"))
    command = ["uv", "build", "--offline", "--wheel", "--quiet", f"--out-dir={place}", str(place / "python")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = place.glob("*.whl")
    with zipfile.ZipFile(built) as files:
        return {name: files.read(name).decode() for name in files.namelist() if not name.endswith("/")}


def test_wheel_has_what_a_host_gets(wheel: dict[str, str]) -> None:
    ours = {name: text for name, text in wheel.items() if ".dist-info/" not in name}
    assert ours == package_files()


def test_wheel_says_what_it_is(wheel: dict[str, str]) -> None:
    (metadata,) = (text for name, text in wheel.items() if name.endswith("/METADATA"))
    assert "Name: jupyterhub-collab\n" in metadata and "Requires-Dist" not in metadata
    assert (PACKAGE / "README.md").read_text().splitlines()[0] in metadata
    assert [name for name in wheel if name.endswith("/licenses/LICENSE")]
