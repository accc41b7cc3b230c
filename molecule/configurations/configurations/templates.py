# The hub's pages in the institute's own design.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}

c.JupyterHub.template_paths = ["/usr/local/etc/jupyter/templates"]
c.JupyterHub.template_vars = {"announcement": "The hub is away on Sunday.", "team": {"name": "physics"}}
c.JupyterHub.services.append({"name": "news", "url": "http://127.0.0.1:9998"})
