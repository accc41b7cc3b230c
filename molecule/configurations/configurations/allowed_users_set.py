# Who may use the hub is a set of names.
c.Authenticator.allowed_users = {"alice", "bob"}
c.Authenticator.admin_users = {"carol"}
