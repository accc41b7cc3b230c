# Whoever has an account on the host may use the hub, but for one.
c.Authenticator.allow_all = True
c.Authenticator.blocked_users = {"bob"}
