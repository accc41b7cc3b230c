# Run by split_by_exec.py.
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "read:hub"]}]
