# SPDX-License-Identifier: GPL-3.0-or-later
"""What people paste where the sharing page asks for a file."""

import pytest

from jupyterhub_collab.sharing.targets import path_in

HERS = "/hub7/user/alice/"


@pytest.mark.parametrize(
    ("pasted", "path"),
    [
        ("", ""),
        (" plans/budget.ipynb ", "plans/budget.ipynb"),
        ("/plans/budget.ipynb", "plans/budget.ipynb"),
        ("RTC:plans/budget.ipynb", "plans/budget.ipynb"),
        ("https://hub.test/hub7/user/alice/lab/tree/plans/50%20%25.ipynb?x=1#y", "plans/50 %.ipynb"),
        ("http://hub.test/hub7/user/alice/lab/workspaces/auto-X/tree/RTC:plan.txt", "plan.txt"),
        ("https://hub.test/hub7/user/alice/lab", ""),
        ("what is http://.txt", "what is http://.txt"),
    ],
)
def test_file_is_found_in_what_people_paste(pasted: str, path: str) -> None:
    assert path_in(pasted, HERS) == path


@pytest.mark.parametrize(
    "pasted",
    [
        "https://hub.test/hub7/user/bob/lab/tree/plan.txt",
        "https://hub.test/hub7/user/alice",
        "https://hub.test/hub7/user/alice2/lab/tree/plan.txt",
        "https://elsewhere.test/",
    ],
)
def test_addresses_of_other_servers_are_refused(pasted: str) -> None:
    with pytest.raises(ValueError, match="not an address of the server"):
        path_in(pasted, HERS)
