# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations that a hub cannot run with are never applied, or are rolled back."""

from collections.abc import Callable

import pytest

from faults import MAIN, Fault, Site, fragment

# What the administrator has written into the main file since the hub started -> what the run says.
BROKEN = {
    "a syntax error in the hub's configuration": ("c.JupyterHub.port = = 1", "SyntaxError"),
    "an unknown scope in the hub's configuration": (
        'c.JupyterHub.load_roles = [{"name": "graders", "scopes": ["read:everything"]}]',
        "Scope 'read:everything'",
    ),
    "a wrong type in the hub's configuration": ("c.JupyterHub.hub_port = 'eighty'", "hub_port"),
    "a missing file in the hub's configuration": (
        'exec(open("/etc/jupyterhub/more.py").read())',
        "/etc/jupyterhub/more.py",
    ),
}


@pytest.mark.parametrize(("line", "word"), BROKEN.values(), ids=BROKEN.keys())
def test_hub_that_would_not_start_again(
    line: str, word: str, site: Site, fault: Callable[[str], Fault], request: pytest.FixtureRequest
) -> None:
    """The hub keeps running with what it has read, and the administrator's file stays as it is."""
    tried = fault(request.node.callspec.id.rpartition("-")[2])
    now = site.scope
    with site.edited(MAIN, line):
        with tried.survived():
            refused = site.change(fragment(site.other_scope))
        assert word in refused.refusal
        assert (
            "The current configuration already fails; this change did not cause it. Fix it, then rerun. Nothing was changed."
            in refused.refusal
        )
        tried.row["said"] = refused.refusal
    tried.converges(now)


# Lines of the fragment -> what the run says. In memory, each is a valid configuration.
WHERE_A_HUB_IS = 'import os, sys, time\nlive = "jupyterhub_collab.hub.dry_run" not in sys.modules'
ONCE_IT_HAS_ANSWERED = f"""{WHERE_A_HUB_IS}
import asyncio
from jupyterhub.apihandlers.hub import RootAPIHandler
get = RootAPIHandler.get
def answer(handler):
    get(handler)
    asyncio.get_running_loop().call_later(1, *then)
if live: RootAPIHandler.get = answer
"""
DEADLY = {
    "a hub that answers and then dies": (
        f"{ONCE_IT_HAS_ANSWERED}\nthen = (os._exit, 1)",
        "the hub answered and then stopped",
    ),
    "a hub that never answers": (f"{WHERE_A_HUB_IS}\nif live: time.sleep(3600)", "the hub did not answer"),
    "a hub that stops answering": (
        f"{ONCE_IT_HAS_ANSWERED}\nthen = (time.sleep, 3600)",
        "the hub answered at http://127.0.0.1:8081/hub/api and then stopped answering",
    ),
    "a port that is already in use": (
        "c.JupyterHub.hub_port = 8001",
        # Whichever is noticed first.
        "the hub started and then stopped (OSError: [Errno 98] Address already in use)|listens at 127.0.0.1:8001 instead of the hub",
    ),
}


@pytest.mark.parametrize(("lines", "word"), DEADLY.values(), ids=DEADLY.keys())
def test_hub_that_does_not_live_with_the_change(
    lines: str, word: str, site: Site, fault: Callable[[str], Fault], request: pytest.FixtureRequest
) -> None:
    """Requirement B2: the previous configuration is restored, and the hub runs with it."""
    tried = fault(request.node.callspec.id.rpartition("-")[2])
    now = site.scope
    with tried.survived():
        refused = site.change(fragment(site.other_scope, lines), timeout=25, settle=3)
    assert any(each in refused.refusal for each in word.split("|"))
    assert "The previous configuration was restored, and the hub runs as before." in refused.refusal
    tried.row["said"] = refused.refusal
    tried.converges(now)
