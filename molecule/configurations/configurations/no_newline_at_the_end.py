# The last line has no newline: the test removes it.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Authenticator.admin_users = {"carol"}  # the last line
