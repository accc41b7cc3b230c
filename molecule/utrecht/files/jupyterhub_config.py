# The hub of a university. It has no rights of its own: sudo lets it start one program as others.
import os

c = get_config()

c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.authenticator_class = "jhub_remote_user_authenticator.remote_user_auth.RemoteUserAuthenticator"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"carol"}
c.JupyterHub.spawner_class = "sudospawner.SudoSpawner"
c.SudoSpawner.sudospawner_path = "/usr/local/jupyterhub/bin/sudospawner"
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = 120
c.Spawner.start_timeout = 120

# For the tests: which accounts have run this file.
with open("/var/log/jupyterhub-loaded", "a") as log:
    print(os.getuid(), file=log)
