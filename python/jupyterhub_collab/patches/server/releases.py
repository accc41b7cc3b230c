# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases that our patches support."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..patch import patches

# The releases of jupyter-collaboration's packages that our replacements support, as ranges: from one release to below another. We test
# with the first and the last of them. A pre-release counts as the release that it leads to.
FITS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "jupyter-server-ydoc": (("2.4.2", "2.5"), ("3.0", "3.2")),
    "jupyter-ydoc": (("3.5", "5"),),
    "pycrdt": (("0.13", "0.15"),),
    "pycrdt-websocket": (("0.16.2", "0.17"),),
}
JUPYTERHUB = (("5.0", "7"),)
patches_collaboration = partial(patches, "jupyter-server-ydoc", FITS["jupyter-server-ydoc"])
patches_hub_auth = partial(patches, "jupyterhub", JUPYTERHUB)
patches_server = partial(patches, "jupyter-server", (("2.4", "3"),))
patches_tornado = partial(patches, "tornado", (("6.2", "7"),))
