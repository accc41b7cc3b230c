# SPDX-License-Identifier: GPL-3.0-or-later
"""Workspaces of projects on the host, for both the modules and the hub: the files are those of `plugins/module_utils`.

Nothing here imports JupyterHub.
"""
