# `load_roles` is appended to, so that the configuration holds a change instead of a list.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles.append({"name": "user", "scopes": ["self", "read:hub"]})
c.JupyterHub.load_roles.append({"name": "readers", "scopes": ["read:users:name"], "users": ["bob"]})
