# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of a live hub: people who log in, edit together and try what they may not, as anyone with a browser could.

`browser` speaks HTTP and websockets as a browser does, `document` edits, `attempts` tries what is to be refused, `proof` says what is
tried on this hub and what came of it. It needs nothing but what every hub's environment has, and no right on the host.
"""
