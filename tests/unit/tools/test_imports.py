# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for modules that import each other, roles that include each other in a circle, and private variables of other roles."""

import sys
from pathlib import Path

import pytest

import imports


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty checkout for the search."""
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("back", "found"),
    [
        ("from .one import a", True),
        ("from . import one", True),
        ("def late() -> None:\n    from ..hub import one", True),
        ("from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import one", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .one import a", False),
        ("import one", False),
    ],
)
def test_circle_of_modules(checkout: Path, back: str, found: bool) -> None:
    hub = checkout / "plugins/module_utils/hub"
    write(hub / "__init__.py", "")
    write(hub / "one.py", "from . import two\na = 1\n")
    write(hub / "two.py", "from .three import a\n")
    write(hub / "three.py", f"{back}\n")
    write(hub / "other.py", "from .one import a\n")
    names = [f"plugins.module_utils.hub.{name}" for name in ("one", "three", "two")]
    assert imports.circles(imports.imports(imports.modules())) == ([tuple(names)] if found else [])


def test_package_that_imports_its_modules_is_no_circle(checkout: Path) -> None:
    package = checkout / "python/jupyterhub_collab/hub"
    write(package / "__init__.py", "from .policy import apply\n")
    write(package / "policy.py", "from .roles import grant\n")
    write(package / "roles.py", "from . import hooks\n")
    write(package / "hooks.py", "")
    known = imports.modules()
    graph = imports.imports(known)
    assert graph["jupyterhub_collab.hub"] == {"jupyterhub_collab.hub.policy"}
    assert graph["jupyterhub_collab.hub.roles"] == {"jupyterhub_collab.hub.hooks"}
    assert imports.circles(graph) == []


INCLUDE = "- name: Do it\n  block:\n    - ansible.builtin.include_role: {{name: collab.jupyterhub.{}}}\n"


def test_circle_of_roles(checkout: Path) -> None:
    write(checkout / "roles/a/tasks/main.yml", INCLUDE.format("b"))
    write(checkout / "roles/b/meta/main.yml", "dependencies: [{role: c}]\n")
    write(checkout / "roles/c/tasks/other.yml", "- name: Nothing\n")
    assert imports.circles(imports.roles()) == []
    write(checkout / "roles/c/tasks/other.yml", INCLUDE.format("a"))
    assert imports.circles(imports.roles()) == [("a", "b", "c")]


def test_private_variable_of_another_role(checkout: Path) -> None:
    """The name of one role is the start of the other's."""
    write(checkout / "roles/hub/tasks/main.yml", "- debug: {msg: '{{ __hub_url }} {{ hub_rtc_user }}'}\n")
    write(checkout / "roles/hub_rtc/templates/a.j2", "{{ __hub_rtc_host }} {{ hub_url }}\n")
    assert [*imports.strangers()] == []
    write(checkout / "roles/hub/vars/main.yml", "a: '{{ __hub_rtc_host }}'\n")
    write(checkout / "roles/hub_rtc/templates/b.j2", "{{ __hub_url }}\n")
    assert [each.partition(":")[0] for each in imports.strangers()] == [
        "role hub uses __hub_rtc_host, a private variable of role hub_rtc",
        "role hub_rtc uses __hub_url, a private variable of role hub",
    ]


def test_diagram_is_of_folders(checkout: Path) -> None:
    write(checkout / "plugins/modules/hub_info.py", "from ..module_utils.hub.probe import a\n")
    write(checkout / "plugins/module_utils/hub/probe.py", "a = 1\n")
    known = imports.modules()
    assert "    plugins_modules --> plugins_module_utils_hub\n" in imports.diagram(
        imports.imports(known), known
    )


def test_check_names_the_circle(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(checkout / "page.md", "<!-- imports -->\n<!-- end -->\n")
    monkeypatch.setattr(imports, "DOCUMENT", checkout / "page.md")
    monkeypatch.setattr(sys, "argv", ["imports.py"])
    assert imports.main() == 0
    monkeypatch.setattr(sys, "argv", ["imports.py", "--check"])
    assert imports.main() == 0
    write(checkout / "plugins/filter/a.py", "from .b import b\n")
    write(checkout / "plugins/filter/b.py", "from .a import a\n")
    assert imports.main() == 1
    assert "plugins.filter.a, plugins.filter.b form a circle" in capsys.readouterr().err
