# Who may use the hub is added name by name.
for name in ("alice", "shared"):
    c.Authenticator.allowed_users.add(name)
c.Authenticator.admin_users.add("carol")
