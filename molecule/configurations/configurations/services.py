# Services with tokens, the roles that they hold, and settings of the web server.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.services = [
    {"name": "monitoring", "api_token": "a-token-of-thirty-two-characters"},
    {"name": "grades", "url": "http://127.0.0.1:9999", "api_token": "another-token-of-enough-characters"},
]
c.JupyterHub.load_roles = [
    {"name": "monitoring", "scopes": ["list:users", "read:metrics"], "services": ["monitoring"]},
    {"name": "grades", "scopes": ["access:services!service=grades"], "users": ["alice"]},
]
c.JupyterHub.tornado_settings = {
    "headers": {"X-Frame-Options": "DENY"},
    "cookie_options": {"samesite": "lax"},
    "oauth_no_confirm_list": {"service-grades"},
}
c.JupyterHub.template_vars = {"announcement": "closed on Friday"}
c.JupyterHub.concurrent_spawn_limit = 10
