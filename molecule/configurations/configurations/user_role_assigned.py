# `load_roles` is assigned, with an entry `user` that has scopes.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [
    {"name": "user", "description": "Everyone", "scopes": ["self", "read:hub"]},
    {"name": "tutors", "scopes": ["list:users", "admin:servers"], "users": ["alice"]},
]
