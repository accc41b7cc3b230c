# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub shows to Prometheus of sharing and editing, and what servers can report. The hub and alice's server are real."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.utils import utcnow
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

import plain_http
from attacked_hub import Attacked
from jupyterhub_collab.hub import metrics
from jupyterhub_collab.hub.metrics import (
    CONFLICTS,
    FIRST_SECONDS,
    HELP,
    KINDS,
    MOST_DOCUMENTS,
    MOST_PER_SECOND,
    SAVES,
    SHARES,
    Metrics,
    measure,
)
from jupyterhub_collab.hub.share_log import CAUSES
from jupyterhub_collab.names import REPORTS
from local_hub import wait_until
from visits import open_document

pytestmark = pytest.mark.anyio
# The server reports at once, and the hub looks at once, so that the tests need not wait for minutes.
OFTEN = "\nfrom jupyterhub_collab.server import reports\n\nreports.SECONDS = 0.5\n"
AT_ONCE = "\nfrom jupyterhub_collab.hub import metrics\n\nmetrics.REMEMBER_SECONDS = -1\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Run a hub with alice's server, and mallory and mia as users."""
    hub = Attacked(tmp_path_factory.mktemp("metrics"))
    extension = hub.directory / "wide.py"
    extension.write_text(extension.read_text() + OFTEN)
    config = hub.directory / "jupyterhub_config.py"
    config.write_text(config.read_text() + AT_ONCE)
    with hub.running():
        for name in ("mallory", "mia"):
            hub.ask("POST", f"users/{name}")
        yield hub


def get(hub: Attacked, who: str) -> Any:
    headers = {"Authorization": f"token {hub.token_of(who)}"} if who else {}
    return plain_http.get(f"{hub.hub_url}/hub/metrics", headers=headers, timeout=60)


def shown(hub: Attacked) -> dict[str, float]:
    """Return our metrics as an administrator gets them."""
    return read(get(hub, "carol").text)


def read(text: str) -> dict[str, float]:
    return {
        ",".join([sample.name, *(value for _label, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith(metrics.PREFIX)
        for sample in family.samples
    }


def report(hub: Attacked, token: str, body: Any) -> int:
    headers = {"Authorization": f"token {token}"}
    return plain_http.post(
        f"{hub.hub_url}/hub/api/{REPORTS}", headers=headers, json=body, timeout=60
    ).status_code


def test_metrics_are_for_those_who_may_read_them(hub: Attacked) -> None:
    """Requirement 127."""
    assert get(hub, "carol").status_code == 200
    for who in ("", "alice", "bob", "mallory"):
        answer = get(hub, who)
        assert answer.status_code == 403
        assert metrics.PREFIX not in answer.text


async def test_what_happens_on_a_server_reaches_the_hub(hub: Attacked) -> None:
    """Requirement 127: open documents, saves and conflicts, without any name of a user or file."""
    hub.share("mia")
    before = shown(hub)
    name = "a-secret-name.txt"
    text = {"type": "file", "format": "text", "content": "one\ntwo\n"}
    hub.at_server("alice", "PUT", f"api/contents/{name}", text).raise_for_status()
    room = await open_document(hub, "mia", name)
    assert hub.opens(hub.sign_in_of("mia"))
    (file,) = hub.directory.glob(f"home/**/{name}")

    async def until(metric: str, at_least: float) -> None:
        await asyncio.to_thread(wait_until, lambda: read(get(hub, "carol").text).get(metric, 0) >= at_least)

    room.insert(0, "from mia ")
    await until(f"{SAVES}_total", before[f"{SAVES}_total"] + 1)
    await until(metrics.DOCUMENTS, 1)
    await until(metrics.COLLABORATORS, before[metrics.COLLABORATORS] + 1)
    # Another program changes the file while someone types, and before that is saved.
    room.insert(0, "more ")
    file.write_text(file.read_text() + "from a program\n")
    await until(f"{CONFLICTS}_total", before[f"{CONFLICTS}_total"] + 1)
    ours = [line for line in get(hub, "carol").text.splitlines() if metrics.PREFIX in line]
    assert ours
    for secret in ("mia", "alice", name, "jupyterhub-user"):
        assert not [line for line in ours if secret in line]
    await room.leave()
    hub.revoke("mia")


def test_shares_and_their_ends_are_counted(hub: Attacked) -> None:
    before = shown(hub)
    hub.ask("POST", "shares/alice/", {"user": "mia", "level": "view"})
    hub.ask("POST", "shares/alice/", {"group": "team"})
    link = hub.ask("POST", "share-codes/alice/", {"level": "view"})
    now = shown(hub)
    grown = {name for name in now if name.startswith(SHARES) and now[name] == before[name] + 1}
    assert grown == {f"{SHARES},user,view", f"{SHARES},group,edit", f"{SHARES},link,view"}
    hub.revoke("mia")
    hub.ask("DELETE", f"share-codes/alice/?id={link['id']}")
    hub.ask("DELETE", "shares/alice/")
    ended = read(get(hub, "carol").text)
    name = f"{metrics.REVOCATIONS}_total"
    assert {each for each in ended if each.startswith(name) and ended[each] == before[each] + 1} == {
        f"{name},revoked,{kind}" for kind in KINDS
    }
    assert {each for each in ended if each.startswith(name)} == {
        f"{name},{cause},{kind}" for kind in KINDS for cause in CAUSES
    }


def test_only_a_servers_own_token_reports(hub: Attacked) -> None:
    """Not the token of a user, an administrator, a service, a visitor, or nobody; not even the owner's."""
    body = {"documents": 7, "saves": 7, "conflicts": 7}
    tokens = [hub.token_of(name) for name in ("alice", "bob", "carol", "mallory")]
    for token in [*tokens, hub.token, hub.service_token, hub.sign_in_of("bob"), "none"]:
        assert report(hub, token, body) == 403
    assert read(get(hub, "carol").text)[f"{CONFLICTS}_total"] < 7


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"documents": 1, "saves": 1},
        {"documents": -1, "saves": 0, "conflicts": 0},
        {"documents": 1.5, "saves": 0, "conflicts": 0},
        {"documents": True, "saves": 0, "conflicts": 0},
        {"documents": "1", "saves": 0, "conflicts": 0},
        {"documents": 10**30, "saves": 0, "conflicts": 0},
        {"documents": 1, "saves": 0, "conflicts": 0, "user": "mallory"},
        {"documents": 1, "saves": 0, "conflicts": 0, "client": "jupyterhub-user-bob"},
    ],
)
def test_report_that_is_none_is_refused(hub: Attacked, body: Any) -> None:
    assert report(hub, hub.own_token, body) == 400


def test_a_server_lies_only_about_itself_and_within_limits() -> None:
    """A server's token cannot be used to change what others have reported, or to report more than a server can do."""
    found = Metrics()
    found.take("a", 3, 5, 1)
    assert found.totals == {SAVES: 5, CONFLICTS: 1}
    for _again in range(1000):
        found.take("b", 10**9, 10**9, 10**9)
    most = MOST_PER_SECOND * (FIRST_SECONDS + 5)
    assert found.totals[SAVES] <= 5 + most
    assert found.totals[CONFLICTS] <= 1 + most
    assert found._reports["a"].documents == 3
    assert found._reports["b"].documents == MOST_DOCUMENTS


def test_server_that_has_stopped_has_no_open_documents() -> None:
    """Starting again does not give a server another first report."""
    db = orm.new_session_factory("sqlite:///:memory:")()
    for name in ("ann", "ben"):
        db.add(orm.OAuthClient(identifier=f"of-{name}", secret="x", redirect_uri="/", allowed_scopes=[]))
        db.add(
            orm.Spawner(user=orm.User(name=name), name="", oauth_client_id=f"of-{name}", server=orm.Server())
        )
    db.commit()
    found = Metrics()
    found.take("of-ann", 3, 0, 0)
    found.take("of-ben", 2, 10**6, 0)
    found.take("of-nobody", 9, 0, 0)
    assert found._documents(db) == 5
    orm.User.find(db, "ben").orm_spawners[""].server = None
    db.commit()
    assert found._documents(db) == 3
    found.take("of-ben", 2, 10**6, 0)
    assert found.totals[SAVES] <= MOST_PER_SECOND * (FIRST_SECONDS + 5)
    found._reports["of-ann"].at -= metrics.FORGET_SECONDS + 1
    assert found._documents(db) == 0


def test_shares_of_all_kinds_are_there_if_there_are_none() -> None:
    """Otherwise, a dashboard cannot tell none from unknown."""
    db = orm.new_session_factory("sqlite:///:memory:")()
    assert dict(metrics._shares(db)) == {(kind, level): 0 for kind in KINDS for level in ("view", "edit")}
    owner = orm.User(name="ann")
    spawner = orm.Spawner(user=owner, name="")
    old = orm.ShareCode(
        owner=owner, spawner=spawner, _scopes=["access:servers!server=ann/"], expires_at=utcnow()
    )
    old.token = "x" * 32
    db.add(old)
    db.commit()
    assert dict(metrics._shares(db))["link", "edit"] == 0  # it has expired


def test_registering_twice_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry(auto_describe=True)
    monkeypatch.setattr(metrics, "REGISTRY", registry)
    monkeypatch.setattr(metrics, "METRICS", Metrics())
    monkeypatch.setattr(metrics, "add_endpoint", lambda *_: None)
    for _again in range(2):
        measure(60)
    samples = read(generate_latest(registry).decode())
    assert samples[f"{SAVES}_total"] == 0


def test_metrics_of_others_stay(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """If something else has metrics with these names, the hub starts, and says so."""

    class Other:
        def collect(self) -> Iterator[GaugeMetricFamily]:
            yield GaugeMetricFamily(metrics.DOCUMENTS, "theirs", value=42)

    registry = CollectorRegistry(auto_describe=True)
    registry.register(Other())
    monkeypatch.setattr(metrics, "REGISTRY", registry)
    monkeypatch.setattr(metrics, "METRICS", Metrics())
    monkeypatch.setattr(metrics, "add_endpoint", lambda *_: None)
    measure(60)
    assert read(generate_latest(registry).decode()) == {metrics.DOCUMENTS: 42}
    assert "exist already" in caplog.text


def test_database_is_asked_once_however_often_someone_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub can let strangers read its metrics."""
    db = orm.new_session_factory("sqlite:///:memory:")()
    monkeypatch.setattr(JupyterHub, "initialized", lambda: True)
    monkeypatch.setattr(JupyterHub, "instance", lambda: SimpleNamespace(db=db))
    found, statements = Metrics(), []
    event.listen(db.get_bind(), "before_cursor_execute", lambda *what: statements.append(what[2]))
    for _again in range(100):
        assert len(list(found.collect())) == len(HELP)
    assert len(statements) <= 5, statements


def test_hub_keeps_its_own_metrics_if_the_database_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Metrics()
    found.take("a", 1, 2, 3)

    def fail(*_: Any) -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr(JupyterHub, "initialized", lambda: True)
    monkeypatch.setattr(JupyterHub, "instance", fail)
    registry = CollectorRegistry()
    registry.register(found)
    assert read(generate_latest(registry).decode())[f"{SAVES}_total"] == 2


def test_every_metric_has_its_convention() -> None:
    """A unit or a count in the plural, and no `_total` in a gauge, as Prometheus recommends."""
    for name in HELP:
        assert name.startswith("jupyterhub_collab_")
        assert not name.endswith("_total")
        assert name.endswith("s")
