# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the handlers that a server with JupyterLab and its extensions registers, one a line. Run it with the Python of that environment.

    python tests/tools/handlers.py

The lines go into tests/unit/server/handlers.txt, which has those of JupyterLab 4.4, 4.5 and 4.6 (see `test_view_table.py`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

EXTENSIONS = (
    "jupyter_lsp",
    "jupyter_server_fileid",
    "jupyter_server_terminals",
    "jupyter_server_ydoc",
    "jupyterlab",
    "jupyterlab_git",
    "notebook_shim",
)


def handlers_of(router: Any) -> Iterator[str]:
    """Yield the handlers of a tornado router, as module:class."""
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            yield from handlers_of(rule.target)
        elif isinstance(rule.target, type):
            yield f"{rule.target.__module__}:{rule.target.__qualname__}"


def main() -> None:
    directory = tempfile.mkdtemp()
    os.chdir(directory)
    for name in ("CONFIG", "DATA", "RUNTIME"):
        os.environ[f"JUPYTER_{name}_DIR"] = f"{directory}/{name}"
    from jupyterlab.labapp import LabApp  # type: ignore[import-not-found]  # noqa: PLC0415

    wanted = dict.fromkeys(EXTENSIONS, True)
    app = LabApp.initialize_server(
        argv=["--allow-root", "--no-browser", f"--ServerApp.jpserver_extensions={wanted}"]
    )
    found = {*handlers_of(app.web_app.default_router), *handlers_of(app.web_app.wildcard_router)}
    print("\n".join(sorted(found)), flush=True)
    os._exit(0)  # without asking anything on the terminal


if __name__ == "__main__":
    main()
