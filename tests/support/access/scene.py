# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub in one mode, with everyone who has a column in the access matrix."""

from contextlib import ExitStack

from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.access import Mode, load

from people import Hub, Person
from scenario import Platform, wait_until

from .actions import Furniture, Visitor
from .engines import engine_of

ACCESS = load()
# Who opens each server first, and creates what the actions need: the first of these who can start it.
INSIDERS = {"shared": ("hub user", "collaborator"), "project-rain": ("project manager",), "alice": ("owner",)}
# The guests of alice's server, and the level of each one's share code.
GUESTS = {"guest": "edit", "link viewer": "view"}


class Scene:
    """A hub in one mode, with everyone logged in and the servers running."""

    def __init__(self, hub: Hub, mode: Mode) -> None:
        self.hub = hub
        self.mode = mode
        self.visitors = {name: arrive(hub, name) for name in ACCESS.people if name != "member"}
        self.administrator = self.visitors["administrator"].person
        self.owners = [server for server in mode.servers if server != "hub"]
        self.furniture: dict[str, Furniture] = {}

    def begin(self) -> None:
        """Restart the servers, create what the actions need, and share with the guest if the mode allows it."""
        for owner in self.owners:
            self.administrator.stop(owner)
        for owner in self.owners:
            self.insider(owner).api("POST", f"/hub/api/users/{owner}/server")
        for owner in self.owners:
            self._wait_for(owner)
            self.furniture[owner] = Furniture(self._insider(owner), owner)
        self.invite()

    def insider(self, owner: str) -> Person:
        return self._insider(owner).person

    def _insider(self, owner: str) -> Visitor:
        can_start = {
            cell.person for cell in self.mode.servers[owner] if cell.action == "start" and cell.may is True
        }
        return self.visitors[next(name for name in INSIDERS[owner] if name in can_start)]

    def invite(self) -> None:
        """If users can share, share the owner's server with each guest by a share code. Shares end with the server, so repeat this."""
        if "shares!user" not in self.mode.rights["everyone"]:
            return
        for name, level in GUESTS.items():
            guest = self.visitors[name].person
            if guest.name not in self.invited:
                wish = self.visitors["owner"].of_hub("POST", "share-codes/alice/", {"level": level})
                guest.press(guest.page("/hub/accept-share", code=wish["code"]), "Accept")

    @property
    def invited(self) -> set[str]:
        return {
            share["user"]["name"] for share in self.visitors["owner"].of_hub("GET", "shares/alice/")["items"]
        }

    def runs(self, owner: str) -> bool:
        """Return whether the server answers. The hub learns only later if a server was shut down from inside."""
        return self.hub.api("GET", f"/user/{owner}/api").status_code == 200

    def _wait_for(self, owner: str) -> None:
        """Wait until a server that the hub is starting answers, for as long as the hub does."""
        wait_until(lambda: self.runs(owner), timeout=120)

    def settle(self, owner: str, named: str) -> None:
        """Wait until a named server has started or failed to. Deleting one that is just starting sometimes gets status 500."""

        def pending() -> object:
            servers = self.administrator.api("GET", f"/hub/api/users/{owner}").json()["servers"]
            return servers.get(named, {}).get("pending")

        wait_until(lambda: not pending(), timeout=120)

    def ensure(self, owner: str, *, running: bool) -> None:
        """Start or stop the server, unless it is already in the desired state."""
        if self.runs(owner) != running:
            self.administrator.stop(owner)
            if running:
                self.insider(owner).start(owner)
                self._wait_for(owner)
        if running:
            self.invite()


def arrive(hub: Hub, name: str) -> Visitor:
    """Log in with the right password, as far as the hub allows it."""
    account = ACCESS.people[name].get("account")
    if not account:
        hub.stranger.page("/hub/login")
        return Visitor(hub.stranger)
    if name == "outsider":
        person = Person(hub, account)
        page = person.press(person.page("/hub/login"), username=account, password=f"{account}-password")
        assert page.status == 403, page.sentence
        return Visitor(person)
    person = hub.login(account, f"{account}-password")
    return Visitor(person, person.token())


class Stage:
    """A hub that has one scene at a time."""

    def __init__(self, url: str, platform: Platform) -> None:
        self.url = url
        self.platform = platform
        self.scene: Scene | None = None
        self.belongings = ExitStack()

    def set(self, mode: Mode) -> Scene:
        """Return the scene of this mode. If the hub is in another mode, switch it with the play, and log everyone in again."""
        if self.scene is None or self.scene.mode != mode:
            self.belongings.close()
            self.scene = None
            switched = engine_of(self.platform).apply(self.platform, mode.variables)
            assert switched.code == 0, switched.output
            self.scene = Scene(self.belongings.enter_context(Hub(self.url)), mode)
            self.scene.begin()
        return self.scene
