# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on which users share their own servers: a service of the hub that acts with each user's own token alone."""

from .app import main

__all__ = ["main"]
