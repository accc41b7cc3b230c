# The administrator's own roles name the account that we share, and the entry `user` speaks of its server.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [
    {"name": "projects", "description": "Ours", "scopes": ["self", "read:hub"], "users": ["shared", "alice"]},
    {"name": "user", "scopes": ["self", "read:servers!server=shared/"]},
]
