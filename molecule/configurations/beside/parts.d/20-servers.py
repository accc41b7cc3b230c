import os


def config():
    return get_config()  # noqa: F821


config().Spawner.environment.update({"PARTS": os.path.basename(os.environ["HUB_PARTS"])})
config().Spawner.args.append("--debug")
config().JupyterHub.load_roles.extend([{"name": "readers", "scopes": ["read:hub"], "users": ["bob"]}])
