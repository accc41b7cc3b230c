# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup plugin rendered."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rendered
short_description: Render a template
version_added: 1.1.0
description:
  - Renders a template like P(ansible.builtin.template#lookup), but without copying all variables, which takes a second if they describe
    a thousand projects. The template must not include another one.
options:
  _terms:
    description: Names of files in the directory C(templates) of the role.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - collab.jupyterhub.internal
author:
  - collab.jupyterhub contributors (!UNKNOWN)
"""

EXAMPLES = r"""
content: "{{ lookup('collab.jupyterhub.rendered', 'rtc.py.j2') }}"
"""

RETURN = r"""
_raw:
  description: The rendered texts.
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core 2.18 trusts every text

    def trust_as_template(value: str) -> str:
        return value


# The defaults for template files: a line that contains only a statement leaves no empty line.
HEAD = "#jinja2: trim_blocks: True, keep_trailing_newline: True\n"


class LookupModule(LookupBase):
    """Finds and renders templates."""

    def run(self, terms: list[str], variables: Any = None, **_options: Any) -> list[Any]:
        found = []
        for term in terms:
            path = self.find_file_in_search_path(variables, "templates", term)
            if not path:
                raise AnsibleLookupError(f"The template {term} does not exist. Check the spelling")
            text = HEAD + Path(path).read_text(encoding="utf-8")
            found.append(self._templar.template(trust_as_template(text)))
        return found
