# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify a live hub with users who log in, edit together and attempt what must be refused, as anyone with a browser could.

`browser` speaks HTTP and websockets as a browser does, `document` edits, `attempts` tries what must be refused, and `verification` chooses what to
try on this hub and reports the results. The package needs only what every hub's environment has, and no rights on the host.
"""
