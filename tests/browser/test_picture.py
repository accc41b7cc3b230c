# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture at the top of the README, composed of screenshots of two real windows.

tests/tools/with-env pytest tests/browser --screenshots docs/images
"""

import struct
from base64 import b64encode
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browser.lab import Lab

DATA, MEAN = 1, 2  # the code cells of Rain.ipynb, below its heading

# Two windows side by side, each with a title bar that names its user.
PAGE = """<!doctype html>
<style>
  body { margin: 0; display: flex; align-items: start; gap: 16px; font: 15px "DejaVu Sans", sans-serif; }
  figure { margin: 0; width: 792px; border-radius: 10px; overflow: hidden;
           outline: 1px solid #b8bcc4; outline-offset: -1px; }
  figcaption { background: #dfe2e8; color: #333; padding: 9px 0; text-align: center; position: relative; }
  figcaption::before { content: "● ● ●"; color: #9aa0ab; position: absolute; left: 14px; }
  img { display: block; width: 100%; }
</style>
"""
FIGURE = '<figure><figcaption>{name}</figcaption><img src="data:image/png;base64,{image}"></figure>'


@pytest.fixture
def ready(alice: Lab, bob: Lab) -> None:
    """Have only Rain.ipynb and the list of collaborators open in both windows, and check that the users' colors differ."""
    for lab in (alice, bob):
        lab.open("Rain.ipynb")
        lab.close_others()
        lab.show_panel("Collaboration")
    assert alice.colour != bob.colour


def photo(lab: Lab, other: Lab) -> bytes:
    """Return a screenshot of a window with the other person's cursor, whose flag is kept from fading."""
    expect(lab.flag(other.name)).to_be_visible()
    return lab.page.screenshot(animations="disabled", style=".jp-remote-userFlag { opacity: 1 !important }")


@pytest.mark.usefixtures("ready")
def test_picture_of_two_people_in_one_notebook(
    alice: Lab, bob: Lab, browser: Browser, screenshots: Path
) -> None:
    """Both windows show the same cells and outputs, and each shows the other person's cursor and name."""
    alice.cell(DATA).type("  # a bar")
    alice.cell(DATA).run()
    alice.cell(DATA).enter()
    bob.cell(MEAN).type("mean = sum(rain.values()) / len(rain)")
    for lab in (alice, bob):
        expect(lab.cell(DATA).text).to_contain_text("# a bar")
        expect(lab.cell(DATA).output).to_contain_text("Tue ▇▇▇▇▇▇▇▇▇▇▇ 11")
        expect(lab.cell(MEAN).text).to_have_text("mean = sum(rain.values()) / len(rain)")
    expect(alice.cell(MEAN).cursors).to_have_count(1)
    expect(bob.cell(DATA).cursors).to_have_count(1)
    pictures = {"alice": photo(alice, bob), "bob": photo(bob, alice)}

    figures = [FIGURE.format(name=name, image=b64encode(data).decode()) for name, data in pictures.items()]
    page = browser.new_page(viewport={"width": 1600, "height": 100})
    page.set_content(PAGE + "".join(figures))
    file = screenshots / "two-people.png"
    picture = page.screenshot(path=file, full_page=True, omit_background=True)
    page.close()
    assert struct.unpack(">I", picture[16:20]) == (1600,)  # the width in the PNG header
    assert len(picture) < 400_000
