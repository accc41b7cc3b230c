# An authenticator that manages users' groups, and a role that one of them holds.
import grp

from jupyterhub.auth import PAMAuthenticator


class GroupsOfTheHost(PAMAuthenticator):
    async def authenticate(self, handler, data):
        if name := await super().authenticate(handler, data):
            return {"name": name, "groups": [group.gr_name for group in grp.getgrall() if name in group.gr_mem]}


c.JupyterHub.authenticator_class = GroupsOfTheHost
c.GroupsOfTheHost.manage_groups = True
c.GroupsOfTheHost.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [{"name": "members", "scopes": ["read:hub"], "groups": ["jupyterhub"]}]
