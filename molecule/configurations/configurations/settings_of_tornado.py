# Settings that go to the web server, and some of the hub that are neither lists nor words.
from datetime import timedelta

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.tornado_settings = {
    "headers": {"X-Frame-Options": "DENY"},
    "cookie_options": {"samesite": "lax"},
    "oauth_no_confirm_list": {"service-grades"},
}
c.JupyterHub.template_vars = {"announcement": "closed on Friday"}
c.JupyterHub.last_activity_interval = int(timedelta(minutes=5).total_seconds())
c.JupyterHub.concurrent_spawn_limit = 10
