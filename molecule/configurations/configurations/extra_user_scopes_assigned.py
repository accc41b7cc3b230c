# `extra_user_scopes` of JupyterHub 6, assigned. An older hub says that it does not know it and goes on.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.extra_user_scopes = {"read:hub", "list:services"}
