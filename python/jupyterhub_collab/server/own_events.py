# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that pages believe to come from the server. Jupyter Server lets everyone post events of any registered schema."""

from __future__ import annotations

from typing import Any

from tornado.web import HTTPError

# Beginnings of the IDs of their schemas: ours, jupyter-collaboration's and Jupyter Server's.
OURS = "https://collab-jupyterhub.invalid/"
SENT_BY_SERVER = (
    OURS,
    "https://schema.jupyter.org/jupyter_collaboration/",
    "https://events.jupyter.org/jupyter_server/",
)
REFUSAL = "Only the server itself sends events of this schema."


def refuse_forged(handler: Any) -> None:
    """Raise HTTPError if a request posts such an event. A request that is not JSON posts none: Jupyter Server refuses it."""
    if handler.request.method != "POST" or getattr(handler, "auth_resource", None) != "events":
        return
    body = handler.get_json_body()
    if isinstance(body, dict) and str(body.get("schema_id", "")).startswith(SENT_BY_SERVER):
        raise HTTPError(403, REFUSAL, reason=REFUSAL)
