# Refuses logins under the name of the account that we share in a way that would stop its server, too.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Authenticator.blocked_users.add("shared")
