# SPDX-License-Identifier: GPL-3.0-or-later
"""What this package replaces in JupyterHub, Jupyter Server and jupyter-collaboration, because they have no interface for it."""
