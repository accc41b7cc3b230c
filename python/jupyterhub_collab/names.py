# SPDX-License-Identifier: GPL-3.0-or-later
"""Names on which the hub and the processes that it starts must agree."""

SERVICE = "sharing"  # the hub's name for the sharing page
# The OAuth client ID of that page, and how those of servers begin.
PAGE_CLIENT, SERVER_CLIENTS = f"service-{SERVICE}", "jupyterhub-user-"
# JupyterHub's scopes for opening servers, and for starting and stopping them.
ACCESS, SERVERS = "access:servers", "servers"
SIGN = "collab.jupyterhub sharing"  # how the page's process identifies itself in health checks
# Environment variables with settings as JSON: of the page's process, and of a single-user server.
SETTINGS = "JUPYTERHUB_COLLAB_SHARING"
SERVER_SETTINGS = "JUPYTERHUB_COLLAB"
# Path below the hub's API where the page learns which servers roles open to its user.
OFFERED = "sharing/servers"
# Header of a server's request to the hub about a visitor. It names the server.
VISITED = "X-JupyterHub-Collab-Server"
# Header of the same requests: the server enforces access levels, so the hub can admit viewers to it. `LEVEL` is then in the hub's answer.
ENFORCES_LEVELS = "X-JupyterHub-Collab-Levels"
LEVEL = "collab_level"
# In answers without a level: the visitor's scopes that the hub leaves out, because they open servers to a viewer only.
VIEW_SCOPES = "collab_view_scopes"
# In answers with a level: whether the visitor can stop the server.
MANAGES = "collab_manages"
# Access levels, as the hub and the sharing page name them. Empty for none.
NO_LEVEL, VIEW, EDIT = "", "view", "edit"
# Message with which the hub refuses a share whose level is above the administrator's limit, which is `view` then.
ONLY_VIEW = "Servers can be shared at level view at most on this hub"
# Header of every response of a guarded server.
GUARDED = "X-JupyterHub-Collab-Guarded"
# Status and message with which the hub refuses to share an unguarded server.
UNGUARDED = 409
NOT_SHARED = (
    "This server cannot be shared while it runs, because it lacks the protection for live collaboration. Restart it. If"
    " that does not help, start another environment, or ask your administrator to prepare this one."
)
# Name under which a server's settings (`tornado_settings`) have its open websockets.
VISITORS = "jupyterhub_collab_visitors"
# Path below the hub's API where a server learns whose rights may have changed.
CHANGES = "collaboration/changes"
# Header of the answer there, and of the server's later requests about visitors. It names the stream, which nobody else knows.
STREAM = "X-JupyterHub-Collab-Stream"
# In the hub's answers about a visitor: how the server learns when the answer is no longer right (`hub/push.py`).
WATCH = "collab_watch"
# For how many seconds a server trusts an answer at most, even if it has not heard of a change.
LONGEST_TRUST = 180
# Template variables of the hub's pages: the visitor (`hub.visitor.Visitor`), and the server of another user that a request was about.
VISITOR = "collab_visitor"
ASKED = "collab_asked"
# The hub's page where users ask for access to a server, and the path below the hub's API where owners learn who asks, and answer.
REQUEST = "request-access"
REQUESTS = "sharing/requests"
# Path below the hub's API where the sharing page learns who is on the servers that its user can open.
PEOPLE = "sharing/people"
# Path below the hub's API where the sharing page learns what is shared on the whole hub, and ends it, for administrators.
OVERVIEW = "sharing/overview"
# Path below the hub's API where a server reports how many documents are open there, and how often they were saved.
REPORTS = "collaboration/reports"
