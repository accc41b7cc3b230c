# The allowed users are a list, and others are allowed by a group.
c.Authenticator.allowed_users = ["alice", "shared"]
c.PAMAuthenticator.allowed_groups = ["jupyterhub"]
