# Services with tokens, and the roles that they hold.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.services = [
    {"name": "monitoring", "api_token": "a-token-of-thirty-two-characters"},
    {"name": "grades", "url": "http://127.0.0.1:9999", "api_token": "another-token-of-enough-characters"},
]
c.JupyterHub.load_roles = [
    {"name": "monitoring", "scopes": ["list:users", "read:metrics"], "services": ["monitoring"]},
    {"name": "grades", "scopes": ["access:services!service=grades"], "users": ["alice"]},
]
