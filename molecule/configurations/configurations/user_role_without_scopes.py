# An entry `user` without scopes, which leaves the hub's own.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [{"name": "user", "description": "Members of the institute"}]
