# At the end, `c` is not the configuration any more, because a loop uses the letter, and `get_config` is deleted.
get_config().PAMAuthenticator.allowed_groups = {"jupyterhub"}
get_config().JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "read:hub"]}]
allowed = []
for c in "abc":
    allowed.append(c.upper())
del get_config
