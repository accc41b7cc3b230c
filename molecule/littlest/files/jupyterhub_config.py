# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of The Littlest JupyterHub: its own settings, then every file that the administrator has put into a directory."""

import os
import subprocess
from glob import glob

from systemdspawner import SystemdSpawner
from tljh import configurer

c = get_config()  # noqa: F821

PREFIX = os.environ["TLJH_INSTALL_PREFIX"]
told = configurer.load_config()


class UserCreatingSpawner(SystemdSpawner):
    """Creates the account of a user before the first server starts."""

    def start(self):
        account = self.username_template = f"jupyter-{self.user.name}"
        if subprocess.run(["id", account], capture_output=True, check=False).returncode:
            subprocess.run(["useradd", "--create-home", account], check=True)
        subprocess.run(["gpasswd", "--add", account, "jupyterhub-users"], check=True)
        return super().start()


c.JupyterHub.spawner_class = UserCreatingSpawner
# Nothing about where the proxy listens: only the proxy knows that.
c.JupyterHub.base_url = told["base_url"]
c.JupyterHub.hub_port = 15001
c.ConfigurableHTTPProxy.should_start = False
c.SystemdSpawner.extra_paths = [f"{PREFIX}/user/bin"]
c.SystemdSpawner.default_shell = "/bin/bash"
c.SystemdSpawner.unit_name_template = "jupyter-{USERNAME}"
c.SystemdSpawner.username_template = "jupyter-{USERNAME}"
c.Spawner.default_url = "/lab"
c.JupyterHub.authenticator_class = "firstuseauthenticator.FirstUseAuthenticator"
c.FirstUseAuthenticator.create_users = False
c.Authenticator.allowed_users = set(told["users"]["allowed"])
c.Authenticator.admin_users = set(told["users"]["admin"])
c.Spawner.mem_limit = told["limits"]["memory"]

for path in sorted(glob(f"{PREFIX}/config/jupyterhub_config.d/*.py")):
    load_subconfig(path)  # noqa: F821
