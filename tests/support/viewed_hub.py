# SPDX-License-Identifier: GPL-3.0-or-later
"""An attacked hub on which vera and the group lookers can view alice's server. Members of the group team can edit there."""

from pathlib import Path
from typing import Any

from attacked_hub import Attacked

VIEWERS = """
from jupyterhub_collab.hub.projects import open_servers

c.JupyterHub.load_groups = {**c.JupyterHub.load_groups, "lookers": {"users": []}}
open_servers(
    c,
    levels={"view": ["access:servers!server={server}"], "edit": ["access:servers!server={server}"]},
    projects=[],
    access=[{"owner": "alice", "server": "", "level": "view", "users": ["vera"], "groups": ["lookers"]}],
)
"""


class Viewed(Attacked):
    """more: lines to add to the hub's configuration."""

    def __init__(self, directory: Path, more: str = "", **settings: Any) -> None:
        super().__init__(directory, **settings)
        path = directory / "jupyterhub_config.py"
        text = path.read_text().replace("websockets_per_person=5", "websockets_per_person=50")
        path.write_text(text.replace("documents_per_person=3", "documents_per_person=500") + VIEWERS + more)

    def start(self) -> None:
        super().start()
        for name in ("vera", "walter"):
            if name not in [each["name"] for each in self.ask("GET", "users")]:
                self.ask("POST", f"users/{name}")

    def join(self, group: str, name: str) -> None:
        self.ask("POST", f"groups/{group}/users", {"users": [name]})

    def part(self, group: str, name: str) -> None:
        self.ask("DELETE", f"groups/{group}/users", {"users": [name]})
