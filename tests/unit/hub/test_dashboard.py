# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard for Grafana and its how-to guide use exactly the metrics that the hub has, with their labels."""

import json
import re
from collections.abc import Iterator
from typing import Any

from jupyterhub_collab.hub.metrics import COUNTERS, HELP, KINDS, LABELS, PREFIX
from jupyterhub_collab.hub.share_log import CAUSES
from scenario import ROOT

DASHBOARD = ROOT / "roles/jupyterhub_rtc/files/grafana.json"
GUIDE = ROOT / "docs/how-to/metrics.md"
NAMES = {f"{name}_total" if name in COUNTERS else name for name in HELP}
METRIC = re.compile(rf"\b{PREFIX}\w+")
# Of any metric that Prometheus scrapes.
OF_THE_JOB = "job"
VALUES = {"kind": KINDS, "level": ("view", "edit"), "cause": CAUSES}


def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text())


def queries() -> Iterator[str]:
    """Yield all queries of the dashboard."""
    for panel in dashboard()["panels"]:
        assert panel["targets"]
        for target in panel["targets"]:
            yield target["expr"]


def labels_of(metric: str) -> set[str]:
    return {*LABELS.get(metric.removesuffix("_total"), ()), OF_THE_JOB}


def test_dashboard_shows_every_metric_and_no_other() -> None:
    """Requirement 128."""
    assert {name for query in queries() for name in METRIC.findall(query)} == NAMES
    assert {*METRIC.findall(DASHBOARD.read_text())} == NAMES


def test_counters_are_shown_as_rates() -> None:
    """A counter begins at zero when the hub starts, so its value says nothing."""
    for query in queries():
        for name in METRIC.findall(query):
            is_rate = re.search(rf"\b(rate|increase)\({name}{{", query) is not None
            assert is_rate == name.endswith("_total"), query


def test_labels_are_those_of_the_metrics() -> None:
    for query in queries():
        (name,) = METRIC.findall(query)
        (matched,) = re.findall(r"\{([^}]*)\}", query)
        for label, value in re.findall(r'(\w+)!?=~?"([^"]*)"', matched):
            assert label in labels_of(name), query
            assert label == OF_THE_JOB or value in VALUES[label], query
        for grouped in re.findall(r"by \(([^)]*)\)", query):
            assert {*grouped.split(", ")} <= labels_of(name), query


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert max(x for x, _y in cells) < 24  # the width of Grafana's grid
        taken |= cells
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len({*ids}) == len(ids)


def test_guide_describes_every_metric() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", GUIDE.read_text(), re.M))
    assert rows.keys() == NAMES
    for name, labels in rows.items():
        assert {*re.findall(r"`(\w+)`", labels)} == labels_of(name) - {OF_THE_JOB}
