# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub with the fragments that the play writes for given variables, and alice's server on it.

alice's server is the shared server if `jupyterhub_rtc_user` is alice. dave can edit on it by a role of the administrator's own.
"""

from pathlib import Path
from typing import Any

from ansible_collections.collab.jupyterhub.plugins.plugin_utils import fragments
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import projects, rtc
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve

from found_host import HOST
from local_hub import LocalHub
from scenario import ROOT

# Others than dave have what the variables give them.
GUESTS = '"users": ["bob", "dave", "erin"], "services": ["alice"]'
THEIRS = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.load_groups = {"teachers": {"users": ["erin"]}, "helpers": {"users": []}}
"""


class Leveled(LocalHub):
    """variables: of role jupyterhub_rtc."""

    def __init__(self, directory: Path, **variables: Any) -> None:
        super().__init__(directory, config=THEIRS)
        path = directory / "jupyterhub_config.py"
        text = path.read_text()
        assert GUESTS in text
        self._theirs = text.replace(GUESTS, '"users": ["dave"], "services": ["alice"]')
        self.set(**variables)

    def set(self, **variables: Any) -> None:
        """Write the configuration for these variables. The hub reads it at its next start."""
        given = {"jupyterhub_rtc_state_directory": str(self.directory / "histories"), **variables}
        settings = resolve(given)
        policy = rtc.policy(settings.rtc, HOST)
        opened = projects.policy(settings.projects, HOST, {})
        assert not rtc.settings_problems(settings.rtc) + projects.problems(settings.projects)
        texts = fragments.fragments(settings, policy, opened)
        texts[fragments.SHARING] = ""  # the page needs a port
        ours = "\n".join(texts.values()).replace("@PACKAGE@", str(ROOT / "python"))
        (self.directory / "jupyterhub_config.py").write_text(self._theirs + ours)

    def restart(self, **variables: Any) -> None:
        """Restart the hub with these variables, as a play does, while the server continues to run."""
        self.kill()
        self.set(**variables)
        self.start()

    def start(self) -> None:
        super().start()
        known = {each["name"] for each in self.ask("GET", "users")}
        for name in {"bob", "erin", "vera"} - known:
            self.ask("POST", f"users/{name}")

    def level(self, who: str) -> str:
        """Return a user's level as the server tells it; empty if the user is refused."""
        answer = self.at_server(who, "GET", "api/collaboration-presence")
        return str(answer.json()["level"]) if answer.status_code == 200 else ""
