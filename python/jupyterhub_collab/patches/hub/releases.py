# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases of JupyterHub that our patches support. The tests run with the newest one of each major release."""

from functools import partial

from ..patch import patches

JUPYTERHUB = (("5.0", "7"),)
patches_hub = partial(patches, "jupyterhub", JUPYTERHUB)
