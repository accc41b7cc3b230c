# The administrator's own service has the name of the sharing page.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.services = [{"name": "sharing", "url": "http://127.0.0.1:9999"}]
