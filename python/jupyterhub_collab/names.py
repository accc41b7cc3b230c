# SPDX-License-Identifier: GPL-3.0-or-later
"""What the part for the hub and the processes that it starts have to call by the same name."""

SERVICE = "sharing"  # the page, as the hub knows it
SIGN = "collab.jupyterhub sharing"  # how the process identifies itself in health checks
SETTINGS = "JUPYTERHUB_COLLAB_SHARING"  # the variable of its environment that holds what the hub's configuration tells it
SERVER_SETTINGS = "JUPYTERHUB_COLLAB"  # the same of the environment of a single-user server
OFFERED = "sharing/servers"  # the address below the hub's API where the page learns which servers roles open to its user
# The header with which a server that asks the hub who someone is says which server they have come to.
VISITED = "X-JupyterHub-Collab-Server"
# The header with which each answer of a server says that it is guarded.
GUARDED = "X-JupyterHub-Collab-Guarded"
# With which status the hub refuses to share a server that is not, and what it says.
UNGUARDED = 409
NOT_SHARED = (
    "This server cannot be shared while it runs, because it lacks the protection for live collaboration. Restart it. If"
    " that does not help, start another environment, or ask your administrator to prepare this one."
)
