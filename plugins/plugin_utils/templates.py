# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the templates of role jupyterhub_rtc from plain data, on the controller.

Ansible's own rendering copies all variables first, which takes a second if they describe a thousand projects.
"""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parents[2] / "roles/jupyterhub_rtc/templates"


@cache
def _environment() -> Environment:
    # Python and shell, not HTML. A line that contains only a statement leaves no empty line, as in Ansible.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    # Fragments are Python, in which an escaped character beyond U+FFFF, as JSON has it, would be two others.
    environment.filters["to_json"] = partial(json.dumps, ensure_ascii=False)
    return environment


def render(template: str, **data: Any) -> str:
    """Return the text of a template, which is named by its file."""
    return _environment().get_template(template).render(data)
