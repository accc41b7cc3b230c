# Written on Windows: the test gives each line a Windows line ending.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.template_vars = {
    "announcement": """Closed
on Friday"""
}
