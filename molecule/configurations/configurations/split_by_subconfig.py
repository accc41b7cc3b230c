# Split into files that the hub loads. They set hooks and add roles.
import os

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [{"name": "readers", "scopes": ["read:hub"], "users": ["bob"]}]
load_subconfig(os.path.join(os.path.dirname(__file__), "site_subconfig.py"))
