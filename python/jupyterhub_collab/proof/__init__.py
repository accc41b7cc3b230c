# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies a live hub with users who log in, edit together and attempt what must be refused, as anyone with a browser could.

`browser` speaks HTTP and websockets as a browser does, `document` edits, `attempts` tries what must be refused, and `proof` decides what is
tried on this hub and what came of it. It needs nothing but what every hub's environment has, and no right on the host.
"""
