# SPDX-License-Identifier: GPL-3.0-or-later
"""Workspaces of projects on the host.

The hub and the Ansible modules share this code: most files are links to `plugins/module_utils/workspaces`. Nothing here imports JupyterHub.
"""
