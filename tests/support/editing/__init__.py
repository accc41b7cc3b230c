# SPDX-License-Identifier: GPL-3.0-or-later
"""People who edit together while things happen to their server, and checks of what happened to their text.

=========  ==================================================================
`crowd`    ten people who have the same documents open, type, and reconnect
`site`     the host with the hub, the shared server, and its files
`events`   what happens to them, and how it is run and measured
=========  ==================================================================

The scenario `editing` runs all events in a short form. tests/benchmarks/record_editing.py runs them at length, with and without the
collection.
"""
