# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the accessibility of a page with axe, which `make env` installs."""

from typing import Any

from playwright.sync_api import Page

from scenario import ROOT

AXE = ROOT / ".cache/axe/node_modules/axe-core/axe.min.js"
SERIOUS = ("serious", "critical")


def faults(page: Page) -> list[str]:
    """Return the serious findings in a page, and any finding about landmarks, each with the elements that it is about."""
    page.evaluate(AXE.read_text())  # works whatever the page's policy for scripts
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{each['id']}: {each['help']} {[_told(node) for node in each['nodes']]}"
        for each in found
        if each["impact"] in SERIOUS or "landmark" in each["id"]
    ]


def _told(node: dict[str, Any]) -> str:
    numbers = [
        f"{part['data']['contrastRatio']}:1"
        for part in node["any"]
        if "contrastRatio" in (part["data"] or {})
    ]
    return " ".join([node["html"], *numbers])
