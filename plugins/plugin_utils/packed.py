# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data as one text on its way through Ansible, which inspects every part of structured data on each use."""

from __future__ import annotations

import json
from typing import Any

# A prefix without which Ansible 2.18 would parse the text again.
MARK = "packed "


def pack(data: Any) -> str:
    """Return data as text."""
    return MARK + json.dumps(data)


def unpack(data: Any) -> Any:
    """Return the data of such a text, and anything else unchanged."""
    if isinstance(data, str) and data.startswith(MARK):
        return json.loads(data.removeprefix(MARK))
    return data
