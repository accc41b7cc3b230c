# Refuses logins as our shared account, in a way that would also stop its server.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Authenticator.blocked_users.add("shared")
