# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the collection's roles as in a play, and tasks and templates rendered with them."""

from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.collab.jupyterhub.plugins.lookup.rendered import HEAD

from scenario import ROOT


class RoleVariables:
    """Defaults and vars of roles, and additional variables."""

    def __init__(self, *roles: str, **given: Any) -> None:
        self._variables: dict[str, Any] = {}
        for role in roles:
            for part in ("defaults", "vars"):
                self._add(yaml.safe_load((ROOT / f"roles/{role}/{part}/main.yml").read_text()))
        self._add({"inventory_hostname": "hub", **given})

    def _add(self, variables: dict[str, Any]) -> None:
        self._variables |= _trusted(variables)

    def __getitem__(self, name: str) -> Any:
        return self.templated(self._variables[name])

    def __setitem__(self, name: str, value: Any) -> None:
        self._variables[name] = value

    def templated(self, value: Any) -> Any:
        """Return `value` after templating, as a task gets it."""
        return Templar(DataLoader(), variables=self._variables).template(_trusted(value))

    def rendered(self, role: str, template: str) -> str:
        """Render a template of a role."""
        return str(self.templated(HEAD + (ROOT / f"roles/{role}/templates/{template}").read_text()))

    def arguments(self, role: str, tasks: str, module: str) -> dict[str, Any]:
        """Return the arguments of the only task in a file that calls this module."""
        found = yaml.safe_load((ROOT / f"roles/{role}/tasks/{tasks}.yml").read_text())
        (task,) = (task for task in found if f"collab.jupyterhub.{module}" in task)
        return dict(self.templated(task[f"collab.jupyterhub.{module}"]))


def _trusted(value: Any) -> Any:
    match value:
        case dict():
            return {name: _trusted(each) for name, each in value.items()}
        case list():
            return [_trusted(each) for each in value]
        case str():
            return trust_as_template(value)
    return value
