# SPDX-License-Identifier: GPL-3.0-or-later
"""What this site adds to the hub's configuration: its database, and groups from the host's directory service."""

import grp
import os
import pwd

from jupyterhub.auth import PAMAuthenticator

c = get_config()  # noqa: F821


class HostGroups(PAMAuthenticator):
    """Users log in with PAM, and have the groups that the host knows for them, from LDAP, too."""

    async def authenticate(self, handler, data):
        """Return the user with the groups of their account."""
        name = await super().authenticate(handler, data)
        if name is None:
            return None
        numbers = os.getgrouplist(name, pwd.getpwnam(name).pw_gid)
        return {"name": name, "groups": [grp.getgrgid(number).gr_name for number in numbers]}


c.JupyterHub.authenticator_class = HostGroups
c.Authenticator.manage_groups = True
c.PAMAuthenticator.allowed_groups = {"hubusers"}

c.JupyterHub.db_url = os.environ["HUB_DB_URL"]
c.JupyterHub.db_kwargs = {
    "isolation_level": "READ COMMITTED",
    "pool_size": 5,
    "pool_pre_ping": True,
    "connect_args": {"connect_timeout": 10},
}
