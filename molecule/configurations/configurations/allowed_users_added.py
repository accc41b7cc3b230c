# The allowed users are added one by one.
for name in ("alice", "shared"):
    c.Authenticator.allowed_users.add(name)
c.Authenticator.admin_users.add("carol")
