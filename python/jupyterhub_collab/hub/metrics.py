# SPDX-License-Identifier: GPL-3.0-or-later
"""Add what people share and edit to the hub's metrics for Prometheus (`/hub/metrics`).

The hub counts what it knows. Servers report how many documents are open on them, and how many saves and conflicts there were (`server/reports.py`).
No label has a name of a user, server or file: such labels would tell who works with whom, and Prometheus keeps each of them for months.

A server can report what it likes, because everyone with a terminal there can read its token. So the numbers of a report are limited, and
count for that server only.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.app import JupyterHub
from jupyterhub.utils import utcnow
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import case, distinct, func, or_
from sqlalchemy.orm import Session
from tornado import web
from traitlets.log import get_logger

from ..names import EDIT, REPORTS, VIEW
from ..patches.hub.handlers import add_endpoint
from .push import server_of
from .share_levels import at_level
from .share_log import CAUSES, ended

PREFIX = "jupyterhub_collab_"
COLLABORATORS = f"{PREFIX}collaborators"
DOCUMENTS = f"{PREFIX}documents"
SHARES = f"{PREFIX}shares"
REVOCATIONS = f"{PREFIX}revocations"
SAVES = f"{PREFIX}saves"
CONFLICTS = f"{PREFIX}conflicts"
HELP = {
    COLLABORATORS: "Users on running servers of other users",
    DOCUMENTS: "Open documents, as servers report them",
    SHARES: "Shares with users and groups, and valid links",
    REVOCATIONS: "Shares and links that have ended, by cause",
    SAVES: "Documents that were saved, as servers report them",
    CONFLICTS: "Changes of open files by other programs, which had to be merged, as servers report them",
}
COUNTERS = (REVOCATIONS, SAVES, CONFLICTS)
LABELS = {SHARES: ("kind", "level"), REVOCATIONS: ("kind", "cause")}
KINDS = ("user", "group", "link")
REMEMBER_SECONDS = 5.0  # for which numbers from the database are shown again, however often someone asks
# Documents of a server that has not reported for so long are not counted (see `server.reports.UNCHANGED_SECONDS`).
FORGET_SECONDS = 1500.0
# What one server can report: open documents, and saves and conflicts per second since its last report.
MOST_DOCUMENTS = 1000
MOST_PER_SECOND = 50
LONGEST_SECONDS = 3600.0
FIRST_SECONDS = 240.0  # for which the first report of a server can be
LARGEST = 10**9


@dataclass
class Report:
    """What a server has reported last. at: when, by a clock that never goes back."""

    documents: int
    at: float


class Metrics:
    """Collects the metrics when Prometheus asks for them."""

    def __init__(self) -> None:
        self.seconds = 0.0  # how long people count as being on a server
        self.totals: Counter[str] = Counter()
        self._reports: dict[str, Report] = {}
        self._known: dict[str, dict[tuple[str, ...], float]] = {}
        self._known_at = float("-inf")
        self._thread = threading.get_ident()

    def describe(self) -> Iterator[Metric]:
        for name in HELP:
            yield _family(name)

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics. What cannot be counted now is left out, because a failure here would lose the hub's own metrics, too."""
        try:
            self._look()
        except Exception:
            get_logger().exception("Failed to count what is shared, so its metrics are missing or old")
        found: dict[str, Mapping[tuple[str, ...], float]] = {
            **self._known,
            SAVES: {(): self.totals[SAVES]},
            CONFLICTS: {(): self.totals[CONFLICTS]},
            REVOCATIONS: {(kind, cause): ended[kind, cause] for kind in KINDS for cause in CAUSES},
        }
        for name, values in found.items():
            family = _family(name)
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family

    def _look(self) -> None:
        """Count what is in the database, unless that has just been done. Another thread must not use the hub's session."""
        now = time.monotonic()
        is_due = now - self._known_at > REMEMBER_SECONDS
        if is_due and threading.get_ident() == self._thread and JupyterHub.initialized():
            self._known_at = now
            db = JupyterHub.instance().db
            self._known = {
                COLLABORATORS: {(): self._collaborators(db)},
                DOCUMENTS: {(): self._documents(db)},
                SHARES: dict(_shares(db)),
            }

    def _collaborators(self, db: Session) -> int:
        """Return how many users the servers of others have asked about lately."""
        token, since = orm.APIToken, utcnow(with_tz=False) - timedelta(seconds=self.seconds)
        query = db.query(func.count(distinct(token.user_id)))
        query = query.join(orm.Spawner, token.client_id == orm.Spawner.oauth_client_id)
        is_there = orm.Spawner.server_id.is_not(None), token.last_activity > since
        return int(query.filter(*is_there, token.user_id != orm.Spawner.user_id).scalar() or 0)

    def _documents(self, db: Session) -> int:
        """Return how many documents are open on running servers, and forget old reports."""
        query = db.query(orm.Spawner.oauth_client_id).filter(orm.Spawner.server_id.is_not(None))
        running = {client for (client,) in query}
        since = time.monotonic() - FORGET_SECONDS
        self._reports = {client: each for client, each in self._reports.items() if each.at > since}
        return sum(each.documents for client, each in self._reports.items() if client in running)

    def take(self, client: str, documents: int, saves: int, conflicts: int) -> None:
        """Take in a report of a server, as far as one server can have done that since its last one."""
        now = time.monotonic()
        last = self._reports.get(client)
        seconds = min(LONGEST_SECONDS, now - last.at) if last else FIRST_SECONDS
        self._reports[client] = Report(min(documents, MOST_DOCUMENTS), now)
        self.totals[SAVES] += min(saves, int(MOST_PER_SECOND * seconds))
        self.totals[CONFLICTS] += min(conflicts, int(MOST_PER_SECOND * seconds))


METRICS = Metrics()


class Reports(APIHandler):
    """Takes the reports of servers. Only a server's own token can send them."""

    def post(self) -> None:
        client = server_of(self, self.get_token()) if self.current_user else ""
        if not client:
            raise web.HTTPError(403, "Only servers can use this")
        body = self.get_json_body()
        names = ("documents", "saves", "conflicts")
        if not isinstance(body, dict) or body.keys() != {*names}:
            raise web.HTTPError(400, f"A report has the numbers {', '.join(names)}")
        if not all(_is_number(number) and 0 <= number <= LARGEST for number in body.values()):
            raise web.HTTPError(400, f"The numbers of a report are whole ones from 0 to {LARGEST}")
        METRICS.take(client, **body)
        self.set_status(204)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def measure(seconds: float) -> None:
    """Add the metrics to the hub of this process, and the endpoint for reports. Doing so again changes nothing.

    seconds: how long people count as being on a server after it has last asked the hub about them.
    """
    METRICS.seconds = seconds
    add_endpoint(f"/api/{REPORTS}", Reports)
    try:
        REGISTRY.register(METRICS)
    except ValueError:
        # These metrics are registered, or another copy of this module has done that.
        if METRICS not in getattr(REGISTRY, "_collector_to_names", {METRICS: ()}):
            get_logger().warning(
                "Metrics named %s* exist already, so the hub does not show those of collaboration", PREFIX
            )


def _family(name: str) -> Any:
    kind = CounterMetricFamily if name in COUNTERS else GaugeMetricFamily
    return kind(name, HELP[name], labels=LABELS.get(name, ()))


def _shares(db: Session) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield how many shares and valid links there are, by kind and level, also if there are none."""
    levels = (VIEW, EDIT)
    columns = [func.sum(case((at_level(orm.Share, level), 1), else_=0)) for level in levels]
    is_group = orm.Share.group_id.is_not(None)
    counted = {bool(group): numbers for group, *numbers in db.query(is_group, *columns).group_by(is_group)}
    code = orm.ShareCode
    is_valid = or_(code.expires_at.is_(None), code.expires_at > utcnow(with_tz=False))
    links = db.query(*(func.sum(case((at_level(code, level), 1), else_=0)) for level in levels)).filter(
        is_valid
    )
    for kind, numbers in zip(KINDS, (counted.get(False), counted.get(True), links.one()), strict=True):
        for level, number in zip(levels, numbers or (0, 0), strict=True):
            yield (kind, level), int(number or 0)
