c.JupyterHub.load_roles.insert(0, {"name": "user", "scopes": ["self", "list:groups"]})  # noqa: F821
c.Spawner.args.prepend(["--ServerApp.quit_button=False"])  # noqa: F821
