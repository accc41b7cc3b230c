# A school knows its people by their numbers alone.
c.Authenticator.username_pattern = r"[0-9]{6}"
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
