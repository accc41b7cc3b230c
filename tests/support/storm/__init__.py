# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people and five programs change ten files of every type while the server is stopped and started. Checks what happens to each word.

==========  ==================================================================
`files`     the ten files, and which of their bytes must not change
`events`    what has happened to each file, and where each word was
`people`    two people who type, delete, lose their connection and come back
`programs`  five programs: Git, a formatter, an editor, a job, a mover
`judge`     the rules, and the check for violations
`weather`   all of it together, in rounds with a quiet moment after each
==========  ==================================================================

tests/benchmarks/storm.py runs it for a long time, with and without the collection; tests/unit/server/test_storm.py for some seconds.
"""
