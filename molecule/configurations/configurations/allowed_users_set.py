# The allowed users are a set.
c.Authenticator.allowed_users = {"alice", "bob"}
c.Authenticator.admin_users = {"carol"}
