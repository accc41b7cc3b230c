# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply the policy of the collab.jupyterhub collection to a JupyterHub.

`hub` runs inside the hub's configuration, `sharing` in a service of the hub, and `server` in single-user servers. These three do not import
each other. `workspaces` is shared by the hub, the processes that it starts for workspaces, and the Ansible modules; `verify` runs in the
process that verifies a hub. None of them decides who may do what: the collection does, and the configuration fragments that it writes
state the whole policy.
"""
