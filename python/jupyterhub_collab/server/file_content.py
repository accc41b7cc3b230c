# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert between the bytes of a file and the content of its document, without looking at the disk.

Other processes use this, so it imports nothing of a server.
"""

from __future__ import annotations

from base64 import decodebytes, encodebytes
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .notebook_bytes import bytes_of_notebook, formats, name_cells, notebook_of, plain, read
from .text_bytes import bytes_of as bytes_of_text
from .text_bytes import text_of


@dataclass(frozen=True)
class Found:
    """What a file holds.

    hash: of the content; empty if unknown.
    data: the bytes; None if only the contents manager knows them.
    content: the content as the contents manager returns it, if `data` is None.
    like: the bytes of the file before a write of it was cut off, if they are still known.
    """

    hash: str
    data: bytes | None = None
    content: Any = None
    like: bytes | None = None


def content_of(
    found: Found, format_: str, type_: str, like: Any = None, mark: Callable[[Any], None] | None = None
) -> Any:
    """Return the content of a file in the form that the document's type expects. Raise ValueError if the file holds content of another type.

    like: the `likeness` of the document when the file last held it. mark: marks the cells of a notebook whose output is trusted.
    """
    if found.data is None:
        return _content_through_manager(found, type_, like)
    if type_ != "notebook":
        return text_of(found.data) if format_ == "text" else encodebytes(found.data).decode("ascii")
    notebook = notebook_in(found.data)
    if mark is not None:
        mark(notebook)
    return named(found.data, notebook, like)


def notebook_in(data: bytes) -> Any:
    """Return the notebook that a file holds, in the current format. Raises ValueError if it does not hold one."""
    return formats.from_dict(read(data))


def named(data: bytes, notebook: Any, like: Any) -> Any:
    """Return a notebook whose cells all have IDs. notebook: the same notebook, with marks on the cells whose output is trusted."""
    result = notebook_of(data, like)
    for cell, marked in zip(result["cells"], notebook["cells"], strict=True):
        if marked.cell_type == "code":
            cell["metadata"]["trusted"] = marked.metadata.get("trusted", False)
    return result


def _content_through_manager(found: Found, type_: str, like: Any) -> Any:
    if type_ == "notebook":
        found = replace(found, content=plain(found.content))
        cells = found.content["cells"]
        if like and not {cell.get("id") for cell in cells} & {cell["id"] for cell in like["cells"]}:
            for cell in cells:
                cell.pop("id", None)  # made up by the contents manager, and different at each read
        name_cells(cells, like["cells"] if like else [])
    return found.content


def bytes_of(content: Any, before: bytes, format_: str, type_: str) -> bytes:
    """Return the file's bytes for some content. before: its bytes now, whose format they keep."""
    if type_ == "notebook":
        return bytes_of_notebook(content, before)
    return bytes_of_text(content, before) if format_ == "text" else decodebytes(content.encode("ascii"))
