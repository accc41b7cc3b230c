# `load_roles` is extended with an entry that code further down changes.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
TUTORS = {"name": "tutors", "scopes": ["list:users"], "users": ["alice"]}
c.JupyterHub.load_roles.extend([TUTORS])
TUTORS["scopes"].append("read:hub")
