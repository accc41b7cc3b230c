# An entry `user` that takes rights away: users may look at themselves and open their server, and no more.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["read:users!user", "servers!user", "access:servers!user"]}]
