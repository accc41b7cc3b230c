# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that end a change of a hub's configuration."""

from __future__ import annotations


class Refused(Exception):
    """The change cannot be made. Nothing on the host was changed."""


class Failed(Exception):
    """The change was applied and failed."""


class PutBack(Exception):
    """The change was applied, failed, and was rolled back.

    log: the last lines of the hub's log.
    """

    def __init__(self, message: str, log: list[str]) -> None:
        super().__init__(message)
        self.log = log
