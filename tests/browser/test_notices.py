# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices that alice and bob get when another program changes a file that they have open."""

import pytest
from playwright.sync_api import expect

from browser.conftest import in_container, open_copy
from browser.lab import Lab

NOTEBOOK = "Script.ipynb"
CELL = 1  # its first code cell


@pytest.fixture(scope="module", autouse=True)
def notebook(alice: Lab, bob: Lab) -> None:
    """Have only Script.ipynb open in both windows."""
    open_copy(NOTEBOOK, alice, bob)


def test_people_are_told_when_a_script_writes_their_file(alice: Lab, bob: Lab) -> None:
    """Text that another program removes from an open notebook is kept in a copy, and everyone who has it open gets a notice."""
    alice.cell(CELL).type("\n# to be taken out")
    expect(bob.cell(CELL).text).to_contain_text("# to be taken out")
    script = "import json, pathlib; path = pathlib.Path('/home/shared/Script.ipynb'); book = json.loads(path.read_text()); "
    script += (
        f"book['cells'][{CELL}]['source'] = 'print(\"from a script\")'; path.write_text(json.dumps(book))"
    )
    in_container("sh", "-c", "until grep -q 'to be taken out' /home/shared/Script.ipynb; do sleep 0.1; done")
    in_container("runuser", "-u", "shared", "--", "python3", "-c", script)
    for lab in (alice, bob):
        expect(lab.cell(CELL).text).to_contain_text("from a script")
        notice = lab.page.locator(
            ".Toastify__toast", has_text="Another program removed text from Script.ipynb"
        )
        expect(notice).to_be_visible()
        notice.locator(".Toastify__close-button, button").first.click()
        expect(notice).to_have_count(0)
    copy = in_container("sh", "-c", "cat /home/shared/Script.before-*.ipynb")
    assert "# to be taken out" in copy
