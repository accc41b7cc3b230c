# SPDX-License-Identifier: GPL-3.0-or-later
"""A page in the browser, with its message and its forms."""

import html
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from bs4 import BeautifulSoup, Tag


@dataclass(frozen=True)
class Form:
    """A form as the browser would submit it now."""

    method: str
    url: str
    fields: dict[str, list[str]]
    buttons: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """A page: the HTTP status, the URL after all redirects, and the text (HTML or JSON)."""

    status: int
    url: str
    text: str = field(repr=False)

    @classmethod
    def of(cls, response: httpx.Response) -> "Page":
        return cls(response.status_code, str(response.url), response.text)

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def sentence(self) -> str:
        """The page's message: its error if it has one, otherwise its heading or its title."""
        try:
            answer = json.loads(self.text)
            return str(answer.get("message") or answer)
        except (ValueError, AttributeError):
            pass
        found = self._soup.select(".login_error") or self._soup.select(".error")
        found = found or self._soup.select("h1, h1 ~ p") or self._soup.select("title")
        words = " ".join(each.get_text(" ", strip=True) for each in found) or self.text[:200]
        return re.sub(r"\s+", " ", words)

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """Every form of the page, in order."""
        return tuple(self._form(form) for form in self._soup.select("form"))

    def form(self, button: str | None = None) -> Form:
        """Return the form that has a button with this label, or the first form. Raise LookupError if there is none."""
        for form in self.forms:
            if button is None or button in form.buttons:
                return form
        wanted = f"the button {button!r}" if button else "a form"
        raise LookupError(f"{self.url} does not have {wanted}. Its text is: {self.sentence}")

    def link(self, selector: str) -> str | None:
        """Return the absolute URL of the link that a CSS selector matches, or None."""
        found = self._soup.select_one(selector)
        return urljoin(self.url, str(found["href"])) if found and found.has_attr("href") else None

    @property
    def asks_for_login(self) -> bool:
        return self.path.endswith("/hub/login")

    @property
    def progress_url(self) -> str | None:
        """The URL of the progress events, on the page of a starting server."""
        found = re.search(r'new EventSource\("([^"]+)"\)', self.text)
        return urljoin(self.url, html.unescape(found[1])) if found else None

    @property
    def lab_config(self) -> dict[str, Any] | None:
        """JupyterLab's page configuration, or None if this is not JupyterLab's page."""
        found = self._soup.select_one("script#jupyter-config-data")
        return dict(json.loads(found.get_text())) if found else None

    @cached_property
    def _soup(self) -> BeautifulSoup:
        return BeautifulSoup(self.text, "html.parser")

    def _form(self, form: Tag) -> Form:
        fields: dict[str, list[str]] = {}
        for control in form.select("input[name], textarea[name], select[name]"):
            if not control.has_attr("disabled"):
                fields.setdefault(str(control["name"]), []).extend(_values(control))
        buttons = [
            b.get_text(" ", strip=True) or str(b.get("value", ""))
            for b in form.select("button, [type=submit]")
        ]
        return Form(
            method=str(form.get("method", "get")).upper(),
            url=urljoin(self.url, str(form.get("action") or self.url)),
            fields=fields,
            buttons=tuple(buttons),
        )


def _values(control: Tag) -> list[str]:
    """Return the default values that a control submits."""
    if control.name == "textarea":
        return [control.get_text()]
    if control.name == "select":
        options = control.select("option[selected]") or control.select("option")[:1]
        return [str(option.get("value", option.get_text())) for option in options]
    kind = control.get("type", "text")
    if kind in ("submit", "button", "image", "reset", "file"):
        return []
    if kind in ("checkbox", "radio") and not control.has_attr("checked"):
        return []
    return [str(control.get("value", "on" if kind in ("checkbox", "radio") else ""))]
