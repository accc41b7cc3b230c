# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases that our patches support, as ranges: from one release to below another. A pre-release counts as the release that it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from .patch import Releases, patches

# The releases of jupyter-collaboration's packages that our replacements support. We test with the first and the last of them.
FITS: Mapping[str, Releases] = {
    "jupyter-server-ydoc": (("2.4.2", "2.5"), ("3.0", "3.2")),
    "jupyter-ydoc": (("3.5", "5"),),
    "pycrdt": (("0.13", "0.15"),),
    "pycrdt-websocket": (("0.16.2", "0.17"),),
}
patches_collaboration = partial(patches, "jupyter-server-ydoc", FITS["jupyter-server-ydoc"])
# We test with the newest one of each major release.
patches_hub = partial(patches, "jupyterhub", (("5.0", "7"),))
patches_server = partial(patches, "jupyter-server", (("2.4", "3"),))
patches_tornado = partial(patches, "tornado", (("6.2", "7"),))
