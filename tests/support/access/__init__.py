# SPDX-License-Identifier: GPL-3.0-or-later
"""Test who may do what according to docs/access.yml: `actions` performs its actions, and `scene` sets up people and servers."""
