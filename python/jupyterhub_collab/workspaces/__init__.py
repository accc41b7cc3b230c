# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares of projects on the host, for the modules and for the hub alike: the files are those of `plugins/module_utils`.

Nothing here imports JupyterHub.
"""
