# Written on Windows: the test gives each line the end that it has there.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.template_vars = {
    "announcement": """Closed
on Friday"""
}
