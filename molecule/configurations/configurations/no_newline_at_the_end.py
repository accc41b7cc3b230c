# Without an end of its last line, which the test takes away.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Authenticator.admin_users = {"carol"}  # the last line
