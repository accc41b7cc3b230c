# Split over files that the hub loads: they set hooks and add roles.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [{"name": "readers", "scopes": ["read:hub"], "users": ["bob"]}]
load_subconfig("site_subconfig.py")
