# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of Jupyter Server and jupyter-collaboration in a collaboration server. The hub does not import them."""
