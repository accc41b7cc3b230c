# An entry `user` without scopes, so that the hub's own scopes stay.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [{"name": "user", "description": "Members of the institute"}]
