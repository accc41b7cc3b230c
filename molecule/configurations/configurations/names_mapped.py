# Names are mapped, converted to lower case and checked against a pattern. Users who have left are blocked.
c.Authenticator.username_map = {"alicia": "alice"}
c.Authenticator.username_pattern = r"[a-z][a-z0-9.@-]*"
c.Authenticator.blocked_users = {"mallory", "dave"}
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.PAMAuthenticator.pam_normalize_username = False
