# Defines a helper `get_config` that needs a key, and so hides the `get_config` of traitlets from everything below.
import json
import os

SETTINGS = os.environ.get("HUB_SETTINGS", os.path.join(os.path.dirname(__file__), "hub-settings.json"))


def get_config(key, default=None):
    """Return a setting by its dotted name, such as `hub.port`."""
    try:
        with open(SETTINGS) as file:
            value = json.load(file)
    except FileNotFoundError:
        return default
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return default
        value = value[part]
    return value


def set_config_if_not_none(section, trait, key):
    if (value := get_config(key)) is not None:
        setattr(section, trait, value)


for trait, key in (("concurrent_spawn_limit", "hub.concurrentSpawnLimit"), ("active_server_limit", "hub.activeServerLimit")):
    set_config_if_not_none(c.JupyterHub, trait, key)
set_config_if_not_none(c.Spawner, "default_url", "singleuser.defaultUrl")
c.JupyterHub.cleanup_servers = get_config("hub.cleanup", False)
c.PAMAuthenticator.allowed_groups = set(get_config("auth.groups", ["jupyterhub"]))
c.JupyterHub.load_roles = get_config("hub.loadRoles", [])
for name, code in sorted(get_config("hub.extraConfig", {}).items()):
    exec(code)
