# Uses the name of our role for another purpose.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_roles = [{"name": "collab-accounts", "scopes": ["admin:users"], "users": ["alice"]}]
