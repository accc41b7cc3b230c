# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any of its steps leaves complete files, and the next run completes the change."""

from collections.abc import Callable

import pytest

from faults import MAIN, Fault, Site, change_of, fragment

# What the run is doing when it is killed -> the step, as killed_at.py takes it. In the order of the run.
STEPS = {
    "while it stages its files": "stage.return",
    "while it checks the candidate configuration": "_load.call",
    "before it keeps the old files": "begin.call",
    "before it writes its journal": "copy.return.4",
    "between two files that it replaces": "swap-replace.c_return",
    "before it records that a restart is due": "save_state.call",
    "before it asks the hub to shut down": "shut_down.call",
    "after the hub has exited": "shut_down.return",
    "while the hub starts": "wait_until_it_answers.call",
    "before it removes its journal": "end.call",
    "while it removes its journal": "end-unlink.c_return",
    "before it cleans up": "tidy.call",
}
RETURN = {
    "before it restores anything": "return_to_before.call",
    "between two files that it restores": "undo-replace.c_return",
    "before it restarts the hub with the previous configuration": "restart.call.2",
    "after it has restored everything": "end.call",
}


@pytest.mark.parametrize(("when", "step"), STEPS.items(), ids=STEPS.keys())
def test_run_again(when: str, step: str, site: Site, fault: Callable[[str], Fault]) -> None:
    """Two files are about to change: our fragment, and the main file, at whose end someone has added a line."""
    tried = fault(f"the run is killed {when}")
    wanted = site.other_scope
    site.host.check_output(f"echo '# {when}' >>{MAIN}")
    with tried.survived(wanted):
        site.kill(step, "hub_config", change_of(fragment(wanted)))
    tried.converges(wanted)


@pytest.mark.parametrize(("when", "step"), RETURN.items(), ids=RETURN.keys())
def test_run_again_after_a_return(when: str, step: str, site: Site, fault: Callable[[str], Fault]) -> None:
    """The hub dies with the change, and the run dies before it can roll back: the next run recovers."""
    tried = fault(f"the hub dies with the change, and the run is killed {when}")
    wanted = site.other_scope
    deadly = 'import os, sys\nif "jupyterhub_collab.hub.dry_run" not in sys.modules: os._exit(1)'
    site.host.check_output(f"echo '# {when}' >>{MAIN}")
    with tried.survived():
        site.kill(step, "hub_config", change_of(fragment(wanted, deadly)))
    tried.converges(wanted)


def test_refused_run_does_not_hide_a_killed_one(site: Site, fault: Callable[[str], Fault]) -> None:
    """If the hub runs with the change of a killed run, a refused run restores the files, and the next run restores the hub."""
    tried = fault("the run is killed after the hub has restarted, and the next run is refused")
    now, wanted = site.scope, site.other_scope
    with tried.survived(wanted):
        site.kill("check_started.call", "hub_config", change_of(fragment(wanted)))
        refused = site.change("c.JupyterHub.port = = 1")
    assert "Nothing was changed." in refused.refusal
    tried.row["said"] = refused.refusal
    tried.row["hub"] = "was restarted, roles as requested, or as before if the hub had not read them yet"
    tried.converges(now)
    assert site.scope == now
