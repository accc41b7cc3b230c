# One file for two hubs of a host, which an environment variable selects. Settings are read back to derive others from them,
# administrators are the members of both of two groups, and users choose their server from profiles.
import grp
import os
import sys

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import List

number = int(os.environ.get("HUB", "1"))


class ProfilesSpawner(LocalProcessSpawner):
    profiles = List([]).tag(config=True)


def members(group):
    try:
        return set(grp.getgrnam(group).gr_mem)
    except KeyError:
        return set()


c.JupyterHub.hub_port = 8081 + 200 * (number - 1)
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{8001 + 200 * (number - 1)}"
c.JupyterHub.cookie_secret_file = f"/var/lib/jupyterhub/cookie_secret-{number}"
c.JupyterHub.db_url = f"sqlite:////var/lib/jupyterhub/hub-{number}.sqlite"
c.JupyterHub.base_url = os.environ.get("BASE", "/" if number == 1 else "/dev")
if "KEEP_SERVERS" in os.environ:
    c.JupyterHub.cleanup_servers = False

c.Authenticator.admin_users = members("sudo") & members("jupyterhub")
c.LocalAuthenticator.allowed_groups = {"jupyterhub"}
c.Spawner.disable_user_config = True
c.Spawner.notebook_dir = "/home/{username}"

c.JupyterHub.spawner_class = ProfilesSpawner
small = dict(cmd=["jupyterhub-singleuser"], default_url="/lab")
c.ProfilesSpawner.profiles = [
    ("JupyterLab", "lab", "jupyterhub.spawner.LocalProcessSpawner", small),
    ("Classic look", "tree", "jupyterhub.spawner.LocalProcessSpawner", {**small, **dict(default_url="/tree")}),
]

c.JupyterHub.services = [
    {
        "name": "idle",
        "admin": True,
        # A stand-in for the culler that only waits.
        "command": [
            *(sys.executable, "-c", "import time; time.sleep(36000)", "jupyterhub_idle_culler", "--timeout=600", "--cull-users"),
            "--url=http://127.0.0.1:%s%s/hub/api" % (c.JupyterHub.hub_port, c.JupyterHub.base_url.rstrip("/")),
        ],
    }
]
