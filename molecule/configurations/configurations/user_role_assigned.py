# `load_roles` assigned, with an entry `user` that states scopes.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [
    {"name": "user", "description": "Everybody", "scopes": ["self", "read:hub"]},
    {"name": "tutors", "scopes": ["list:users", "admin:servers"], "users": ["alice"]},
]
