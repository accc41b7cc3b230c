# SPDX-License-Identifier: GPL-3.0-or-later
"""The sharing page, on which users share their own servers. It is a service of the hub, and acts only with each user's own token."""

from .app import main

__all__ = ["main"]
