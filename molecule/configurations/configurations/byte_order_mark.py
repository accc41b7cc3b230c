# Begins with the mark that some editors put before UTF-8, as the test does here.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [{"name": "readers", "scopes": ["read:hub"], "users": ["bob"]}]
