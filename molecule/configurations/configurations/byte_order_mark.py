# Begins with a byte-order mark, as some editors write it before UTF-8. The test adds it.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [{"name": "readers", "scopes": ["read:hub"], "users": ["bob"]}]
