# SPDX-License-Identifier: GPL-3.0-or-later
"""Which request makes systemd start a hub. No host of these tests runs systemd."""

from typing import Any

import pytest
from ansible_collections.collab.jupyterhub.plugins.module_utils.host.systemd_unit import Unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.hub import live
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
