# `load_roles` extended, and the entries are shared with code further down.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
TUTORS = {"name": "tutors", "scopes": ["list:users"], "users": ["alice"]}
c.JupyterHub.load_roles.extend([TUTORS])
TUTORS["scopes"].append("read:hub")
