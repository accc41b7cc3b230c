# What `c` names at the end is no configuration any more: a loop has taken the letter, and what gave it is thrown away.
get_config().PAMAuthenticator.allowed_groups = {"jupyterhub"}
get_config().JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "read:hub"]}]
allowed = []
for c in "abc":
    allowed.append(c.upper())
del get_config
