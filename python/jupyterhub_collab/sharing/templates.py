# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's templates, the administrator's before them and ours before all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import BaseLoader, ChainableUndefined, ChoiceLoader, DictLoader, Environment, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH
from markupsafe import Markup

OURS = Path(__file__).parent / "templates"
HUB = Path(DATA_FILES_PATH) / "templates"


def templates(paths: Sequence[str]) -> Environment:
    """Return the templates, read once and for all: later, the process may not be allowed to. Whatever is put into one is escaped.

    paths: directories of the administrator's own templates, the first found first, as in `JupyterHub.template_paths`.
    """
    loaders: list[BaseLoader] = [read(path) for path in (OURS, *map(Path, paths), HUB)]
    # As the hub has it: its own template by this name, where another one stands before it.
    loaders.append(PrefixLoader({"templates": read(HUB)}))
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = moment
    return environment


def moment(time: datetime) -> Markup:
    """Return a moment in UTC as people read it. No macro: those are slow, and a page may have hundreds of them."""
    return Markup(f'<time datetime="{time.isoformat()}">{time:%Y-%m-%d %H:%M} UTC</time>')


def read(directory: Path) -> DictLoader:
    """Return the templates of a directory, by the paths below it."""
    return DictLoader(
        {
            str(path.relative_to(directory)): path.read_text(encoding="utf-8")
            for path in sorted(directory.glob("**/*"))
            if path.suffix in (".html", ".js")
        }
    )
