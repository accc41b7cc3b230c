# SPDX-License-Identifier: GPL-3.0-or-later
"""Test who may do what according to docs/access.yml: `actions` performs its actions, `scene` sets up people and servers,
and `engines` applies variables to hubs of each kind."""
