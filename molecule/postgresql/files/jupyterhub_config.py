# SPDX-License-Identifier: GPL-3.0-or-later
import os

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = "http://127.0.0.1:8000/jupyter/"
c.JupyterHub.db_url = f"postgresql+psycopg2://hub:{os.environ['HUB_DB_PASSWORD']}@127.0.0.1:5432/hub"
c.JupyterHub.cookie_secret_file = "/opt/conda/etc/jupyterhub/cookie_secret"
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.should_start = False

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.PAMAuthenticator.admin_users = {"carol"}

c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
c.SystemdSpawner.default_shell = "/bin/bash"
c.SystemdSpawner.unit_extra_properties = {"TimeoutStopSec": "10s"}
c.Spawner.cmd = ["/opt/conda/envs/lab/bin/jupyterhub-singleuser"]
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = 120
c.Spawner.start_timeout = 120
