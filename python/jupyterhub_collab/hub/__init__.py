# SPDX-License-Identifier: GPL-3.0-or-later
"""The part that runs inside the hub. It merges a policy into the administrator's configuration."""

from .policy import apply

__all__ = ["apply"]
