# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people and five programs at ten files of every type, while their server is stopped and started: what becomes of each word?

==========  ==================================================================
`files`     the ten files, and what their own bytes are
`events`    what has happened to each file, and which words were where
`people`    two people who type, delete, lose their connection and come back
`programs`  five programs: git, a formatter, an editor, a job, one that moves
`judge`     the rules, and who has broken one
`weather`   all of it together, in rounds with a quiet moment after each
==========  ==================================================================

tests/benchmarks/storm.py goes through it for long, with the collection and without; tests/unit/server/test_storm.py for some seconds.
"""
