# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of a configuration that is spread over several files."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from traitlets.config.loader import PyFileConfigLoader

from .callers import callers


def whole(c: Any) -> Any:
    """Return the configuration as it is so far, where `c` may be no more than the part of one file.

    A file that another one loads (`load_subconfig`) starts with an empty part, which replaces what it has in common with
    the rest when the file has been read. From inside it, what came before is neither to be seen nor to be changed. But
    the loaders of the files around it are at work, so their parts are put together now, in the order in which they would
    be: what is left of the parts to be merged later is nothing.
    """
    loaders = callers(PyFileConfigLoader)  # of the innermost file first
    if not loaders or loaders[0].config is not c:
        return c
    for inner, outer in pairwise(loaders):
        outer.config.merge(inner.config)
        inner.config.clear()
    return loaders[-1].config
