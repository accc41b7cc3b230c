# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the collection's roles as in a play."""

from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from scenario import ROOT


class RoleVariables:
    """Defaults and vars of roles, and additional variables."""

    def __init__(self, *roles: str, **given: Any) -> None:
        self._variables: dict[str, Any] = {}
        for role in roles:
            for part in ("defaults", "vars"):
                path = ROOT / f"roles/{role}/{part}/main.yml"
                if path.exists():
                    self._add(yaml.safe_load(path.read_text()))
        self._add({"inventory_hostname": "hub", **given})

    def _add(self, variables: dict[str, Any]) -> None:
        self._variables |= _trusted(variables)

    def __getitem__(self, name: str) -> Any:
        return self.templated(self._variables[name])

    def __contains__(self, name: str) -> bool:
        return name in self._variables

    def templated(self, value: Any) -> Any:
        """Return `value` after templating, as a task gets it."""
        return Templar(DataLoader(), variables=self._variables).template(_trusted(value))


def _trusted(value: Any) -> Any:
    match value:
        case dict():
            return {name: _trusted(each) for name, each in value.items()}
        case list():
            return [_trusted(each) for each in value]
        case str():
            return trust_as_template(value)
    return value
