# SPDX-License-Identifier: GPL-3.0-or-later
"""Load the page's templates: ours, then the administrator's, then the hub's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import BaseLoader, ChainableUndefined, ChoiceLoader, DictLoader, Environment, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH
from markupsafe import Markup

OURS = Path(__file__).parent / "templates"
HUB = Path(DATA_FILES_PATH) / "templates"
# What our pages of the hub and of this service have in common.
COMMON = Path(__file__).parents[1] / "hub/templates/collab"


def templates(paths: Sequence[str]) -> Environment:
    """Return an environment with all templates, which escapes all values.

    All files are read now, because the process may not be able to read them after it has given up root.

    paths: the administrator's template directories, as in `JupyterHub.template_paths`. The first one takes precedence.
    """
    loaders: list[BaseLoader] = [read(path) for path in (OURS, *map(Path, paths), HUB)]
    # As in the hub, `templates/NAME` is the hub's own template, even if another one overrides NAME.
    loaders.append(PrefixLoader({"templates": read(HUB), "collab": read(COMMON)}))
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
    """Return a time in UTC as HTML. This is not a macro, because macros are slow, and a page can have hundreds of times."""
    return Markup(f'<time datetime="{time.isoformat()}">{time:%Y-%m-%d %H:%M} UTC</time>')


def read(directory: Path) -> DictLoader:
    """Return a loader with the templates of a directory, by their relative paths."""
    return DictLoader(
        {
            str(path.relative_to(directory)): path.read_text(encoding="utf-8")
            for path in sorted(directory.glob("**/*"))
            if path.suffix in (".html", ".js")
        }
    )
