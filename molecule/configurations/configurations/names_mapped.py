# Names are mapped, made lower case and held to a pattern; who has left may not come back.
c.Authenticator.username_map = {"alicia": "alice"}
c.Authenticator.username_pattern = r"[a-z][a-z0-9.@-]*"
c.Authenticator.blocked_users = {"mallory", "dave"}
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.PAMAuthenticator.pam_normalize_username = False
