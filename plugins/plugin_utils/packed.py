# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pass data through Ansible as one string, because Ansible inspects every part of structured data on each use."""

from __future__ import annotations

import json
from typing import Any

# Without this prefix, Ansible 2.18 would turn the string into structured data again.
MARK = "packed "


def pack(data: Any) -> str:
    """Return the data as one string."""
    return MARK + json.dumps(data)


def unpack(data: Any) -> Any:
    """Return the data in a packed string. Return anything else unchanged."""
    if isinstance(data, str) and data.startswith(MARK):
        return json.loads(data.removeprefix(MARK))
    return data
