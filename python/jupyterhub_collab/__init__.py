# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the policy that the collab.jupyterhub collection states into force on a JupyterHub.

The parts do not import each other: `hub` runs inside the hub's configuration, later parts inside a service
of the hub and inside single-user servers. None of them decides who may do what; the collection does, and the
configuration fragments that it writes state it in full.
"""
