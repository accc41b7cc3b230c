# SPDX-License-Identifier: GPL-3.0-or-later
"""UIDs and GIDs that tests act as, from FIRST on. No account has them, and no other test process.

Tests stop and end everything that runs as such an account, so two must not share one. Each file has its own numbers in the range.
"""

import grp
import pwd
import random

from ansible_collections.collab.jupyterhub.plugins.module_utils.host.account_processes import numbers_in_use

from reserved import reserve

SIZE = 128
STARTS = range(30000, 60000 - SIZE, SIZE)  # of the numbers for people's accounts, the last ones


def _is_free(first: int) -> bool:
    taken = {each.pw_uid for each in pwd.getpwall()} | {each.gr_gid for each in grp.getgrall()}
    return (taken | numbers_in_use()).isdisjoint(range(first, first + SIZE))


FIRST = reserve("accounts", random.sample(STARTS, len(STARTS)), _is_free)
