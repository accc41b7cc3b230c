# Text that is not ASCII, in comments, names and values: žluťoučký kůň, 协作, Zusammenarbeit für Größe.
größe = "Überraschung"
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.template_vars = {"announcement": f"{größe} – 協力 ✓"}
c.JupyterHub.load_roles = [{"name": "readers", "description": "Lesende – читатели", "scopes": ["read:hub"]}]
