# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect a configuration that several files set."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from traitlets.config.loader import Config, PyFileConfigLoader

from .callers import callers


def whole(c: Any) -> Any:
    """Return the configuration as set so far by all files, also if `c` holds only the part of one file.

    A file that another file loads with `load_subconfig` gets an empty configuration. When it has been read, its settings are merged into
    the outer file's, where they replace settings of the same name. So code in it can neither see nor change the settings that came before.
    The loaders of the outer files are on the call stack, so merge their parts now, in the order in which traitlets would merge them later.
    The inner parts are then empty, so that merge adds only what the files set after this call.
    """
    loaders = callers(PyFileConfigLoader)  # innermost file first
    if not loaders or loaders[0].config is not c:
        return _with_sections(c)
    for inner, outer in pairwise(loaders):
        outer.config.merge(inner.config)
        inner.config.clear()
    return _with_sections(loaders[-1].config)


def _with_sections(c: Any) -> Any:
    """Convert sections that were set as plain dictionaries (`c.update`) to `Config`. Return the configuration."""
    for name, value in list(c.items()):
        if name[:1].isupper() and isinstance(value, dict) and not isinstance(value, Config):
            c[name] = Config(value)
    return c
