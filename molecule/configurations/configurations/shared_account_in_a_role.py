# The administrator's own roles name our shared account, and the entry `user` refers to its server.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [
    {"name": "projects", "description": "Ours", "scopes": ["self", "read:hub"], "users": ["shared", "alice"]},
    {"name": "user", "scopes": ["self", "read:servers!server=shared/"]},
]
