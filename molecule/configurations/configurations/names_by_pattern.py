# A school that knows its people only by their numbers.
c.Authenticator.username_pattern = r"[0-9]{6}"
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
