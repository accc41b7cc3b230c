# `extra_user_scopes` of JupyterHub 6, updated, so that the configuration holds a change instead of a set.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.extra_user_scopes.update({"read:hub"})
c.JupyterHub.extra_user_scopes.add("list:services")
