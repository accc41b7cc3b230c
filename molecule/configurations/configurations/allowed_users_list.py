# Who may use the hub is a list of names, and someone else by a group.
c.Authenticator.allowed_users = ["alice", "shared"]
c.PAMAuthenticator.allowed_groups = ["jupyterhub"]
