# All accounts on the host may use the hub, except one.
c.Authenticator.allow_all = True
c.Authenticator.blocked_users = {"bob"}
