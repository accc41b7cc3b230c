# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what browser windows do during a test, and keep their consoles and Playwright traces if the test fails."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, WebError

_open: list["Watched"] = []


class Watched:
    """Recording of a browser context, that is, of windows with the same cookies, until it is closed."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._said: list[str] = []
        context.on("console", self._hear)
        context.on("weberror", self._hear_error)
        context.on("close", lambda _context: _open.remove(self))
        # The steps of a test, without a film of them: drawing that costs a third of Chromium's CPU time.
        context.tracing.start()
        _open.append(self)

    def _hear(self, message: ConsoleMessage) -> None:
        self._said.append(f"{message.type}: {message.text}")

    def _hear_error(self, error: WebError) -> None:
        self._said.append(f"uncaught: {error.error}")

    def keep(self, folder: Path, name: str) -> list[Path]:
        """Write what happened since the last test to files, and return their paths."""
        files = [folder / f"{name}.console.log", folder / f"{name}.trace.zip"]
        files[0].write_text("\n".join([*self._said, ""]))
        self._context.tracing.stop_chunk(path=files[1])
        for number, page in enumerate(self._context.pages):
            files.append(folder / f"{name}-{number}.png")
            page.screenshot(path=files[-1])
        return files

    def begin(self) -> None:
        self._said.clear()
        self._context.tracing.start_chunk()

    def forget(self) -> None:
        self._context.tracing.stop_chunk()


def end_of_test(report: pytest.TestReport, folder: Path) -> None:
    """Keep the recordings if the test failed, and start new ones for the next test."""
    if report.when == "teardown" or not (report.failed or report.when == "call"):
        return
    for number, window in enumerate([*_open]):
        try:
            if report.failed:
                folder.mkdir(parents=True, exist_ok=True)
                files = window.keep(folder, f"window-{number}")
                report.sections.append((f"window {number}", "\n".join(map(str, files))))
            else:
                window.forget()
            window.begin()
        except Error as gone:  # a crashed browser has no recording
            report.sections.append((f"window {number}", str(gone)))
