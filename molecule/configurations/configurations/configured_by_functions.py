# Configured in functions. A table calls each function with the section that it configures.
from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Site:
    name: str
    groups: set[str] = field(default_factory=set)


def authenticator(section, site: Site) -> None:
    section.allowed_groups = site.groups
    section.open_sessions = False


def spawner(section, site: Site) -> None:
    section.environment = {"SITE": site.name}
    section.default_url = "/lab"


def hub(section, site: Site) -> None:
    section.load_roles = [{"name": "user", "description": f"People of {site.name}", "scopes": ["self", "list:groups"]}]


for name, function in {"PAMAuthenticator": authenticator, "Spawner": spawner, "JupyterHub": hub}.items():
    function(c[name], Site("physics", {"jupyterhub"}))
