# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of JupyterHub in the process of the hub."""
