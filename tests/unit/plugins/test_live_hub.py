# SPDX-License-Identifier: GPL-3.0-or-later
"""Which request makes systemd start a hub, and how the hub is watched then. No host of these tests runs systemd."""

from contextlib import nullcontext
from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import health, live
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.errors import Failed
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub.package import HubPackage


@pytest.mark.parametrize(
    ("properties", "verb"),
    [
        ({"ActiveState": "inactive", "SubState": "dead"}, "start"),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, "restart"),
        ({"ActiveState": "activating", "SubState": "auto-restart-queued"}, "restart"),
        # RemainAfterExit=yes: systemd takes the unit for started.
        ({"ActiveState": "active", "SubState": "exited", "MainPID": "0"}, "restart"),
    ],
)
def test_hub_that_has_ended_is_started(
    properties: dict[str, str], verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def systemctl(*arguments: str) -> Any:
        asked.append(arguments)
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(live, "show", lambda name: Unit(name, properties))
    monkeypatch.setattr(live, "systemctl", systemctl)
    live.LiveHub("hub", HubPackage({}), 1, 0, pytest.fail).restart({})
    assert asked[-1] == (verb, "hub")


class Clock:
    """Time that passes only while someone waits."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


@pytest.mark.parametrize(
    ("stops", "fails", "said"),
    [
        (True, True, "the hub answered and then stopped"),
        (True, False, "the hub answered and then stopped"),
        (False, True, "roles differ"),
        (False, False, ""),
    ],
)
def test_hub_is_watched_while_it_is_checked(
    stops: bool, fails: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a check fails because the hub has stopped, that is the reason."""
    told = {"ActiveState": "active", "MainPID": "1", "InvocationID": "one"}
    monkeypatch.setattr(live, "show", lambda name: Unit(name, dict(told)))
    monkeypatch.setattr(health, "version", lambda *_arguments: "6.1.1")
    clock = Clock()
    for module in (live, health):
        monkeypatch.setattr(module, "time", clock)
    hub = live.LiveHub("hub", HubPackage({}), 1, 0, pytest.fail)
    with pytest.raises(Failed, match=said) if said else nullcontext(), hub.started({"api_url": ""}, 2):
        told |= {"InvocationID": "two"} if stops else {}
        clock.sleep(0.5)
        if fails:
            raise Failed("roles differ")
    assert clock.monotonic() == pytest.approx(0.5 if stops else 2)
