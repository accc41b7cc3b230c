# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify a live hub from outside.

    python -c ... jupyterhub_collab.verify.verification

Reads its task as one line of JSON (see `Verification`), and writes a line of JSON for each row of the report. Before it does something that must
be undone, it writes a line with `undo`, and waits for an empty line. So its parent can undo it even if this process is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError

from ..names import ACCESS, EDIT, ONLY_VIEW, VIEW
from ..sharing.privileges import give_up_root
from . import changes, rights
from .attempts import ATTEMPTS, HARMFUL, Attempt
from .browser import Answer, Browser, Unreachable
from .document import Document, NoCollaboration
from .person import Person, Refused, every, server
from .report import Report
from .side_doors import opens, own_token

NOBODY = "nobody"
EXCHANGES = 10  # keystrokes each way
PAUSE = 0.05  # seconds between them
SEEN_SECONDS = 5.0
SAVED_SECONDS = 10.0
OUT_SECONDS = 12.0  # how long a guest may keep access after their share was revoked
OPEN_SECONDS = 3.0  # how long their open document may stay open after that
PLACES = {rights.HUB: "at the hub", rights.OTHERS: "on another user's server"}
NO = (HTTPClientError, NoCollaboration, Refused, TimeoutError, Unreachable, WebSocketClosedError)


class Verification:
    """Runs the checks of a task, and reports them.

    task: `url`; `is_local`, whether that is where the hub's host reaches its proxy; `start_seconds`; `modes` and `own` of the access
    matrix; `people` (two users with `name`, `password` or `token`, and `made`, whether they were created for `verify`); `outsider` (`name`
    and `password`, or null) and `no_outsider` (why there is none); `stamp` (a name that nothing on the hub has); `login` (why nobody can
    log in with the hub's form, or empty).
    """

    def __init__(
        self, task: dict[str, Any], report: Report, undo: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        self.task = task
        self.report = report
        self.undo = undo
        self.stranger = self._person("")
        self.first, self.second = (
            self._person(each["name"], each.get("token") or "", each["made"]) for each in task["people"]
        )
        self.outsider: Person | None = None
        self.modes = [rights.Mode(**mode) for mode in task["modes"]]

    def _person(self, name: str, token: str = "", made: bool = False) -> Person:
        any_certificate = self.task["is_local"]  # the certificate was issued for another name
        browser = Browser(self.task["url"], token=token, trusts_any_certificate=any_certificate)
        return Person(name, browser, made)

    async def run(self) -> None:
        if not await self.hub_answers():
            return
        await self.who_may_not_comes()
        if not await self.people_come():
            return
        mode, accounts = self.what_people_hold()
        owners = [self.first.name, *accounts]
        started = [self.start(each, may=each not in accounts or self._may_start(each)) for each in owners]
        runs = dict(zip(owners, await asyncio.gather(*started), strict=True))
        if runs[self.first.name]:
            await self.edit_on_own_server(mode)
        for account in accounts:
            if runs[account]:
                await self.edit_on_shared_server(mode, account)
        if not (accounts or mode.is_for_all or self.may_share):
            says = "No server can be opened by two users. Run collab.jupyterhub.jupyter_rtc to set one up."
            self.report.failed("users edit together", says)

    # The hub

    async def hub_answers(self) -> bool:
        check = "the hub answers"
        try:
            told = await self.stranger.browser.ask("GET", "/hub/api/")
        except Unreachable as error:
            self.report.failed(check, f"{error}. Set jupyterhub_verify_url to the address that users open.")
            return False
        if not told.good or not isinstance(told.json, dict) or "version" not in told.json:
            said = (
                f"The response from {self.task['url']}/hub/api/ (status {told.status}) is not from JupyterHub"
            )
            self.report.failed(check, f"{said}. Set jupyterhub_verify_url to the address that users open.")
            return False
        says = f"JupyterHub {told.json['version']}"
        if self.task["is_local"]:
            way = "To verify the address that users open, set jupyterhub_verify_url"
            self.report.ok(check, f"{says}, asked by its own host. {way}.")
        else:
            self.report.ok(check, f"{says} at {self.task['url']}.")
        return True

    async def who_may_not_comes(self) -> None:
        """Check that a wrong password is refused, and so is an account of the host that may not use the hub."""
        check = "a wrong password is refused"
        if self.task["login"]:
            self.report.skipped(check, self.task["login"])
        else:
            await self._is_kept_out(check, self.task["people"][0]["name"], "a-wrong-password")
        check = "an account without access to the hub is refused"
        if self.task["outsider"]:
            told = self.task["outsider"]
            self.outsider = await self._is_kept_out(check, told["name"], told["password"])
        else:
            self.report.skipped(check, self.task["no_outsider"])

    async def _is_kept_out(self, check: str, name: str, password: str) -> Person:
        person = self._person(name)
        try:
            await person.log_in(password)
        except Refused as no:
            self.report.ok(check, f"The hub says: {no}.")
        else:
            self.report.failed(check, f"{name} could log in. Check the settings of c.Authenticator.")
        return person

    async def people_come(self) -> bool:
        check = "two users log in"
        begun = time.monotonic()
        for person, told in zip((self.first, self.second), self.task["people"], strict=True):
            try:
                if not told.get("token"):
                    await person.log_in(told["password"])
                await person.introduce()
            except Refused as no:
                self.report.failed(check, f"{person.name} could not log in: {no}. {_way_in(person)}.")
                return False
        if self.task["login"]:
            self.report.skipped(check, f"{self.task['login']} The checks use tokens instead.")
        else:
            self.report.ok(
                check, f"{self.first.name} and {self.second.name}.", seconds=time.monotonic() - begun
            )
        return True

    def what_people_hold(self) -> tuple[rights.Mode, list[str]]:
        """Report and return the hub's mode. Also return the shared accounts whose servers both users can open."""
        people = (self.first.name, self.second.name)
        opened = [
            rights.shared_accounts([*each.scopes, *each.view_scopes], people)
            for each in (self.first, self.second)
        ]
        accounts = [each for each in opened[0] if each in opened[1]]
        held, own = set(self.first.scopes), self.task["own"]
        mode = rights.nearest(self.modes, own, self.first.name, held, accounts, self.first.view_scopes)
        expected = mode.rights(own, self.first.name, accounts)
        check = "scopes of all users"
        more, less = sorted(held - expected), sorted(expected - held)
        if accounts or mode.is_for_all or self.may_share:
            says = f"Mode: {mode.name}"
        else:
            says = "Nobody can open another user's server"
        if not more and not less:
            self.report.ok(check, f"{says}. Users hold exactly the expected scopes.")
        elif more:
            self.report.warning(
                check,
                f"{says}. Users also hold {', '.join(more)}, which is not expected. Check the hub's configuration.",
            )
        else:
            self.report.ok(check, f"{says}. Users hold the expected scopes except {', '.join(less)}.")
        return mode, accounts

    # Servers

    async def edit_on_shared_server(self, mode: rights.Mode, account: str) -> None:
        """Check refusals on the server of a shared account, then let both users edit together there."""
        for who, person in self.everyone.items():
            await self.refusals(mode, rights.SHARED, account, who, person)
        if await self._both_open(account):
            if account in rights.shared_accounts(self.second.view_scopes, ()):
                await self.says_that_it_is_viewed(f"the {account} server", account)
            else:
                await self.edit_together(f"the {account} server", account)

    async def edit_on_own_server(self, mode: rights.Mode) -> None:
        """Check the second user on the first one's server: before, during and after the second user has access."""
        owner = self.first.name
        for place in (rights.HUB, rights.OTHERS):
            for who, person in self.everyone.items():
                await self.refusals(mode, place, owner, who, person)
        await self.refusals(mode, rights.OTHERS, owner, "owner", self.first)
        if mode.is_for_all:
            if await self._both_open(owner):
                name = "a user's own server"
                if ACCESS in self.second.view_scopes:
                    await self.view(name, owner)
                else:
                    await self.edit_together(name, owner)
        elif self.may_share:
            await self.invite(mode)

    @property
    def everyone(self) -> dict[str, Person | None]:
        """The users without a share, by their names in the access matrix. The outsider may be missing (None)."""
        return {"hub user": self.second, "stranger": self.stranger, "outsider": self.outsider}

    @property
    def may_share(self) -> bool:
        return f"{rights.OWN_SHARES}={self.first.name}" in self.first.scopes

    def _may_start(self, owner: str) -> bool:
        return bool({f"servers!server={owner}/", f"servers!user={owner}", "servers"} & {*self.first.scopes})

    async def start(self, owner: str, *, may: bool = True) -> bool:
        """Ensure that a server runs. The parent process stops it if it did not run before. may: whether users can start it."""
        check = f"the {owner} server starts" if owner != self.first.name else "a user's own server starts"
        if await self.first.runs(owner):
            self.report.ok(check, "It was running already, and keeps running.")
            return True
        if not may:
            says = "It is not running, and users cannot start it. Start it, then verify again to check who can do what there"
            self.report.skipped(check, f"{says}.")
            return False
        await self.undo({"server": owner})
        try:
            took = await self.first.start(owner, self.task["start_seconds"])
        except (Refused, Unreachable) as no:
            self.report.failed(check, f"{no}. See the hub's log (journalctl).")
            return False
        self.report.ok(check, f"It answered after {took:.1f} s.", seconds=took)
        return True

    async def _both_open(self, owner: str) -> bool:
        for person in (self.first, self.second):
            try:
                await person.open(owner)
            except (Refused, Unreachable) as no:
                self.report.failed(
                    f"users open the {owner} server", f"{person.name} could not open it: {no}."
                )
                return False
        return True

    async def invite(self, mode: rights.Mode) -> None:
        """Share the first user's server with the second user, edit together, and revoke the share."""
        owner, guest = self.first.name, self.second.name
        check = "a user shares their server"
        path = f"/hub/api/shares/{quote(owner)}/"
        await self.undo({"share": [owner, guest]})
        views = await self.invite_to_view(mode, path)
        given = await self.first.browser.ask("POST", path, {"user": guest, "level": EDIT})
        if given.status == 400:  # a hub whose shares have no level
            given = await self.first.browser.ask("POST", path, {"user": guest})
        elif given.status == 403 and ONLY_VIEW in given.sentence:
            self.report.skipped(check, f"{owner} can let others view, and nobody edit.")
            return
        if not given.good:
            self.report.failed(check, f"{owner} can share, but the hub says: {given.sentence}.")
            return
        try:
            await self.second.renew()
        except Refused as no:
            self.report.failed(check, f"{guest} could not get a new token after the share was created: {no}.")
            return
        if not await self._both_open(owner):
            return
        self.report.ok(check, f"{guest} opened the server of {owner}.")
        if views:
            await self.level_is_raised(owner)
        await self.workers_stay_in_their_folder(owner)
        await self.refusals(mode, rights.OTHERS, owner, "guest", self.second)
        document = await self.edit_together("a server with a share", owner, keep=True)
        own, why = await self._own_token(owner)
        begun = time.monotonic()
        taken = await self.first.browser.ask("PATCH", path, {"user": guest})
        if not taken.good:
            self.report.failed("a share is revoked", f"{owner} could not revoke it: {taken.sentence}.")
        else:
            await self.is_out(owner, begun, document)
            await self.own_token_opens_nothing(owner, own, why)
        if document:
            await document.close()
        await self.first.browser.ask("DELETE", f"{server(owner)}/api/contents/{self.task['stamp']}.txt")

    async def invite_to_view(self, mode: rights.Mode, path: str) -> bool:
        """Share the first user's server with the second user at level view, and check what the second user can do.

        Return whether that hub has the level.
        """
        owner, guest = self.first.name, self.second.name
        given = await self.first.browser.ask("POST", path, {"user": guest, "level": VIEW})
        if not given.good:
            says = f"{owner} cannot let others view: {given.sentence}".rstrip(".")
            self.report.skipped("a viewer sees edits and changes nothing", f"{says}.")
            return False
        try:
            await self.second.renew()
        except Refused as no:
            self.report.failed("a viewer opens the server", f"{guest} could not get a new token: {no}.")
            return True
        if await self._both_open(owner):
            await self.refusals(mode, rights.OTHERS, owner, "link viewer", self.second)
            await self.view("a server with a share", owner)
        return True

    async def level_is_raised(self, owner: str) -> None:
        """Wait until the server knows that the second user, who could view, can edit."""
        check, begun = "a viewer can edit when the level is raised", time.monotonic()
        async for late in every(0.2, OUT_SECONDS):
            level, _told = await self._level_at(owner)
            took = time.monotonic() - begun
            if level == EDIT:
                self.report.ok(check, f"The server knew after {took:.1f} s.", seconds=took)
                return
            if late:
                break
        says = f"After {took:.0f} s, the server still says {level or 'nothing'}"
        self.report.failed(
            check, f"{says}. Run collab.jupyterhub.jupyter_rtc, then restart this server.", seconds=took
        )

    async def is_out(self, owner: str, begun: float, document: Document | None) -> None:
        """Measure how long a guest keeps access after their share was revoked."""
        check = "a guest whose share is revoked loses access"
        async for late in every(0.2, OUT_SECONDS):
            answer = await self.second.browser.ask("GET", f"{server(owner)}/api/contents")
            took = time.monotonic() - begun
            if not answer.good:
                break
            if late:
                why = "because the server asks the hub only from time to time, by default every 5 minutes"
                self.report.failed(check, f"After {took:.0f} s they still have access, {why}.", seconds=took)
                return
        self.report.ok(check, f"They were refused after {took:.1f} s.", seconds=took)
        if document is None:
            return
        check = "the guest's open document is closed"
        try:
            await asyncio.wait_for(document.ended.wait(), OPEN_SECONDS)
            self.report.ok(check, f"Its connection was closed within {time.monotonic() - begun:.1f} s.")
        except TimeoutError:
            says = "This server does not check open connections again. Run collab.jupyterhub.jupyter_rtc, then restart it"
            self.report.failed(check, f"{says}.")

    async def _own_token(self, owner: str) -> tuple[str, str]:
        """Return the server's own token as the guest reads it, and an empty reason; or an empty token, and why reading it failed."""
        try:
            return await own_token(self.second, owner), ""
        except (*NO, OSError) as error:
            return "", str(error) or type(error).__name__

    async def own_token_opens_nothing(self, owner: str, own: str, why: str) -> None:
        """Check, after a guest's share was revoked, that the token they may have read in a terminal is refused.

        own, why: see `_own_token`.
        """
        check = "a token that a guest has read on the server is refused"
        if not own:
            self.report.skipped(check, f"Failed to read the server's own token: {why}.")
        elif await opens(self.second.with_token(own), owner):
            says = "Anyone who has read the server's own token in a terminal can open it. Run collab.jupyterhub.jupyter_rtc"
            self.report.failed(check, f"{says}, or remove access:servers from Spawner.server_token_scopes.")
        else:
            self.report.ok(check, "The server's own token, read in a terminal, is refused.")

    async def workers_stay_in_their_folder(self, owner: str) -> None:
        """Check that the server's answers do not let a service worker reach the whole hub (`Service-Worker-Allowed`)."""
        check = "service workers are confined to their server"
        answer = await self.first.browser.ask("GET", f"{server(owner)}/jupyterhub_collab/worker-scope")
        if answer.status == 404:
            says = "The server does not restrict service workers. Run collab.jupyterhub.jupyter_rtc, then restart it"
            self.report.failed(check, f"{says}.")
        elif answer.worker_scope:
            says = f"A response from the server allows service workers at {answer.worker_scope}, which includes the hub's own pages"
            self.report.failed(
                check, f"{says}. Configure the web server in front to drop the header Service-Worker-Allowed."
            )
        elif not answer.good:
            self.report.failed(check, f"The server did not answer: {answer.sentence}.")
        else:
            self.report.ok(check, "The server does not widen the scope of service workers.")

    async def _level_at(self, owner: str) -> tuple[str, Answer]:
        """Return the second user's level as a server tells it, empty if it does not, and its answer."""
        told = await self.second.browser.ask("GET", f"{server(owner)}/api/collaboration-presence")
        return (str(told.json.get("level")) if told.good and isinstance(told.json, dict) else ""), told

    # Viewing

    async def view(self, name: str, owner: str) -> None:
        """Check that the second user sees what the first one types on their own server, and changes nothing there."""
        check = f"a viewer sees edits and changes nothing on {name}"
        base, path = server(owner), f"{self.task['stamp']}-view.txt"
        file = f"{base}/api/contents/{path}"
        await self.undo({"file": [owner, path]})
        made = await self.first.browser.ask("PUT", file, {"type": "file", "format": "text", "content": ""})
        if not made.good:
            self.report.failed(check, f"Failed to create a file on that server: {made.sentence}.")
            return
        editor, viewer = (Document(person.browser, base, path) for person in (self.first, self.second))
        try:
            await editor.open()
            await viewer.open()
            seen = await changes.seen(editor, viewer, SEEN_SECONDS)
            if seen is None:
                self.report.failed(
                    check, f"What {self.first.name} typed did not reach the viewer within {SEEN_SECONDS:g} s."
                )
                return
            through = await changes.got_through(
                changes.Try(self.second, self.first, owner, path, editor, viewer)
            )
            await self._judge_viewer(check, seen, through)
        except NO as error:
            says = f"{error}".rstrip(".") or type(error).__name__
            self.report.failed(check, f"{says}.")
        finally:
            for document in (editor, viewer):
                await document.close()
            await self.first.browser.ask("DELETE", file)

    async def _judge_viewer(self, check: str, seen: float, through: list[str]) -> None:
        tried, milliseconds = len(changes.CHANGES), 1000 * seen
        if through:
            says = f"A viewer could {', '.join(through)}. Run collab.jupyterhub.jupyter_rtc, then restart this server"
            self.report.failed(check, f"{says}.", tried=tried, refused=tried - len(through))
            return
        says = f"An edit reaches the viewer after {milliseconds:.0f} ms. Nothing changed when the viewer tried to {', '.join(changes.CHANGES)}"
        self.report.ok(check, f"{says}.", seen_ms=milliseconds, tried=tried, refused=tried)

    async def says_that_it_is_viewed(self, name: str, owner: str) -> None:
        """Check that a server which nobody of us can edit on tells its visitors that they can only view."""
        check = f"users view {name}"
        level, told = await self._level_at(owner)
        if level == VIEW:
            self.report.ok(check, "They see it, and their changes were refused.")
        else:
            says = (
                f"The server says that they have the level {level}"
                if level
                else f"The server did not answer: {told.sentence}"
            )
            self.report.failed(check, f"{says}. Run collab.jupyterhub.jupyter_rtc, then restart this server.")

    # Editing

    async def edit_together(self, name: str, owner: str, *, keep: bool = False) -> Document | None:
        """Let both users type into one document, and check that every edit arrives and is saved.

        keep: leave the file there, and return the second user's document, still open. Otherwise, and on failure, return None.
        """
        check = f"two users edit together on {name}"
        path = f"{self.task['stamp']}.txt"
        base = server(owner)
        file = f"{base}/api/contents/{path}"
        await self.undo({"file": [owner, path]})
        body = {"type": "file", "format": "text", "content": ""}
        made = await self.first.browser.ask("PUT", file, body)
        if not made.good:
            self.report.failed(check, f"Failed to create a file on that server: {made.sentence}.")
            return None
        documents = [Document(person.browser, base, path) for person in (self.first, self.second)]
        kept = None
        try:
            for document in documents:
                await document.open()
            delays = await self._exchange(*documents)
            await self._judge(check, file, delays)
            await self._is_protected(f"what users type on {name} is protected", base)
            kept = documents.pop() if keep else None
        except NO as error:
            says = f"{error}".rstrip(".") or type(error).__name__
            if isinstance(error, NoCollaboration):
                says += ". jupyter-collaboration is missing or disabled. Run collab.jupyterhub.jupyter_rtc"
                says += ", or restart this server if you have done so"
            self.report.failed(check, f"{says}.")
        finally:
            for document in documents:
                await document.close()
            if not kept:
                await self.first.browser.ask("DELETE", file)
        return kept

    async def _is_protected(self, check: str, base: str) -> None:
        """Check whether a server protects its documents."""
        told = await self.first.browser.ask("GET", f"{base}/api/collaboration-protection")
        if not told.good or not isinstance(told.json, dict):
            way = "Run collab.jupyterhub.jupyter_rtc, then restart this server"
            self.report.failed(check, f"This server does not have the collection's protection. {way}.")
        elif problem := told.json.get("problem"):
            self.report.failed(check, str(problem))
        else:
            self.report.ok(check, "Text that a user has seen survives a crash of the server.")
        for what in ("output", "chat") if told.good and isinstance(told.json, dict) else ():
            if lacks := told.json.get(what):
                self.report.failed(f"{what} at {base}", str(lacks))

    async def _exchange(self, one: Document, other: Document) -> list[float | None]:
        """Let both users type in turns. Return after how many seconds each text reached the other user; None if it did not in time."""
        delays: list[float | None] = []
        for number in range(EXCHANGES):
            for letter, writer, reader in (("a", one, other), ("b", other, one)):
                what = f"<{letter}{number}>"
                with reader.looking_for(what):
                    begun = time.monotonic()
                    await writer.type(what)
                    came = await reader.came(what, SEEN_SECONDS)
                delays.append(came - begun if came else None)
                if came is None:
                    return delays
                await asyncio.sleep(PAUSE)
        return delays

    async def _judge(self, check: str, file: str, delays: list[float | None]) -> None:
        if None in delays:
            self.report.failed(check, f"An edit did not reach the other user within {SEEN_SECONDS:g} s.")
            return
        milliseconds = [1000 * delay for delay in delays if delay is not None]
        wanted = [f"<{letter}{number}>" for number in range(EXCHANGES) for letter in "ab"]
        begun = time.monotonic()
        async for late in every(0.2, SAVED_SECONDS):
            told = await self.first.browser.ask("GET", f"{file}?content=1&format=text&type=file")
            content = str(told.json.get("content")) if told.good and isinstance(told.json, dict) else ""
            if all(content.count(each) == 1 for each in wanted):
                break
            if late:
                missing = sum(content.count(each) != 1 for each in wanted)
                says = f"After {SAVED_SECONDS:g} s, {missing} of {len(wanted)} edits are not in the file exactly once"
                self.report.failed(check, f"{says}. What users type there is not safe.")
                return
        median, worst = statistics.median(milliseconds), max(milliseconds)
        saved = time.monotonic() - begun
        says = f"An edit reaches the other user after {median:.0f} ms (at most {worst:.0f}), and all {len(wanted)} are in the file"
        self.report.ok(check, f"{says}.", median_ms=median, most_ms=worst, saved_seconds=saved)

    # Refusals

    async def refusals(
        self, mode: rights.Mode, place: str, owner: str, who: str, person: Person | None
    ) -> None:
        """Try everything that the access matrix refuses a person on a server. person: None skips the check."""
        if person is None:
            return
        cells = [cell for cell in mode.cells if (cell["server"], cell["person"]) == (place, who)]
        refused = [cell["action"] for cell in cells if cell["may"] is False]
        disposable = owner == self.first.name and self.first.disposable
        tried = [action for action in refused if disposable or action not in HARMFUL]
        if not tried:
            return
        attempt = Attempt(person, owner, self.task["stamp"], mode.may(place, who, "open"))
        got_through = [action for action in tried if not await ATTEMPTS[action](attempt)]
        where = f"on the {owner} server" if place == rights.SHARED else PLACES[place]
        where = "on their own server" if person is self.first else where
        check = f"refused {where}: {'an' if who[0] in 'aeiou' else 'a'} {who}"
        if got_through:
            says = f"{', '.join(got_through)}: not refused, although the access matrix (docs/reference/access.md) requires it"
            self.report.failed(check, f"{says}.", tried=len(tried), refused=len(tried) - len(got_through))
        else:
            self.report.ok(
                check, f"All {len(tried)}: {', '.join(tried)}.", tried=len(tried), refused=len(tried)
            )


def _way_in(person: Person) -> str:
    """Return what to set if a person cannot use the hub, as a sentence."""
    token = f"a token that they create on the hub's page {person.browser.prefix}/hub/token"
    if not person.disposable:
        return (
            "Check the user's password or token in jupyterhub_verify_accounts. If users do not log in with a form of the hub's own, set "
            f"{token}"
        )
    if person.browser.token:  # OAuthenticator, for example, refuses users whom it has no tokens for
        return (
            "This hub may accept only users who have logged in. Name two who have in jupyterhub_verify_accounts, each with "
            f"{token}"
        )
    return "Set jupyterhub_verify_group to a group whose members can use the hub, or name two accounts in jupyterhub_verify_accounts"


def tell(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


one_at_a_time = asyncio.Lock()


async def undo(what: dict[str, Any]) -> None:
    """Announce something that must be undone later, and wait until the parent process has recorded it."""
    async with one_at_a_time:
        tell({"undo": what})
        if not await asyncio.to_thread(sys.stdin.readline):
            raise EOFError("the parent process has ended")


def main() -> None:
    task = json.loads(sys.stdin.readline())
    give_up_root(NOBODY)
    report = Report(tell)
    try:
        asyncio.run(Verification(task, report, undo).run())
    except Unreachable as error:
        report.failed("the hub answers", f"{error}.")
    sys.stdout.flush()
    os._exit(0)  # another thread may still be waiting for input


if __name__ == "__main__":
    main()
