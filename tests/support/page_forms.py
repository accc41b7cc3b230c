# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms and tables of the sharing page of a local hub."""

import httpx
from bs4 import BeautifulSoup

PAGE = "/services/sharing/"


def press(browser: httpx.Client, action: str, **fields: str) -> httpx.Response:
    """Submit a form of the sharing page, whether the page has it or not."""
    xsrf = browser.get(PAGE).text.partition('name="_xsrf" value="')[2].partition('"')[0]
    form = {"_xsrf": xsrf, "action": action, "server": "", **fields}
    return browser.post(PAGE, data=form)


def cells(page: httpx.Response, caption: str) -> list[list[str]]:
    """Return the text of a table's cells, without the labels of their buttons."""
    soup = BeautifulSoup(page.text, "html.parser")
    for button in soup.select("button"):
        button.decompose()
    tables = [each for each in soup.select("#mine table, #theirs table") if caption in each.get_text()]
    return [
        [cell.get_text(" ", strip=True) for cell in row.select("td")]
        for table in tables
        for row in table.select("tbody tr")
    ]
