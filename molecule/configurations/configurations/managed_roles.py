# An authenticator that manages users' roles, so the hub takes no members of roles from its configuration.
from jupyterhub.auth import PAMAuthenticator


class RolesOfTheHost(PAMAuthenticator):
    async def authenticate(self, handler, data):
        if name := await super().authenticate(handler, data):
            return {"name": name, "roles": [{"name": "members", "scopes": ["read:hub"]}]}


c.JupyterHub.authenticator_class = RolesOfTheHost
c.RolesOfTheHost.manage_roles = True
c.RolesOfTheHost.allowed_groups = {"jupyterhub"}
