# `extra_user_scopes` of JupyterHub 6, assigned. An older hub warns that it does not know the setting, and continues.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.extra_user_scopes = {"read:hub", "list:services"}
