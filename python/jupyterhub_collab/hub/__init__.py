# SPDX-License-Identifier: GPL-3.0-or-later
"""The part that runs inside the hub: merges a policy into whatever configuration is there."""

from .policy import apply

__all__ = ["apply"]
