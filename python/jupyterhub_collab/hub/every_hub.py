# SPDX-License-Identifier: GPL-3.0-or-later
"""What every hub gets, whichever of our fragments it has."""

from __future__ import annotations

from ..patches.hub.bodies import limit_bodies
from ..patches.hub.job_reports import accept_ports_only
from ..patches.hub.same_address import look_at_former_servers
from ..patches.hub.start import before_start
from ..patches.hub.submissions import withdraw_jobs
from .shared_port import share_port


def protect() -> None:
    """Protect the hub of this process from other accounts, and from people without one. Each fragment calls this."""
    share_port()
    look_at_former_servers()
    before_start(limit_bodies)
    before_start(accept_ports_only)
    before_start(withdraw_jobs)
