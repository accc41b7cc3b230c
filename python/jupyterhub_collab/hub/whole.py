# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of a configuration that is spread over several files."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from traitlets.config.loader import Config, PyFileConfigLoader

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
        return _with_sections(c)
    for inner, outer in pairwise(loaders):
        outer.config.merge(inner.config)
        inner.config.clear()
    return _with_sections(loaders[-1].config)


def _with_sections(c: Any) -> Any:
    """Return a configuration whose sections all are such, where some were put in as plain dictionaries (`c.update`)."""
    for name, value in list(c.items()):
        if name[:1].isupper() and isinstance(value, dict) and not isinstance(value, Config):
            c[name] = Config(value)
    return c
