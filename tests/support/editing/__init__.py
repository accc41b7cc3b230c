# SPDX-License-Identifier: GPL-3.0-or-later
"""People who edit together while things happen to their server, and what became of what they typed.

=========  ==================================================================
`crowd`    ten people who have the same documents open, type, and come back
`site`     the host with the hub, its shared server, and what stands there
`events`   what happens to them, and how it is gone through and measured
=========  ==================================================================

The scenario `editing` goes through all of it in a short form; tests/benchmarks/record_editing.py at length, and without the collection as well.
"""
