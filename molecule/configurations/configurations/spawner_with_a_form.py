# Defines a spawner with a form in which users choose an environment, and looks up the environments on the host while it loads.
# Lists are built from what `c` already contains, and services have nothing but tokens.
import os
import subprocess

from jupyterhub.spawner import LocalProcessSpawner
from tornado.web import StaticFileHandler
from traitlets import Unicode

found = subprocess.run(
    ["find", "/opt/environments", "-maxdepth", "3", "-name", "jupyterhub-singleuser"], capture_output=True, text=True, check=False
)
ENVIRONMENTS = {os.path.basename(path.rsplit("/bin/", 1)[0]): path for path in found.stdout.split()}


class FormSpawner(LocalProcessSpawner):
    environment_name = Unicode("", help="Of those in /opt/environments").tag(config=True)

    def options_from_form(self, data):
        return {name: values[0] for name, values in data.items()}

    def options_form(self, spawner):
        options = "".join(f"<option>{name}</option>" for name in sorted(ENVIRONMENTS))
        return f'<label>Environment <select name="environment" class="form-control">{options}</select></label>'

    async def start(self):
        chosen = self.user_options.get("environment") or self.environment_name
        if chosen in ENVIRONMENTS:
            self.cmd = [ENVIRONMENTS[chosen]]
        return await super().start()


c.JupyterHub.spawner_class = FormSpawner
c.FormSpawner.default_url = "/lab"
c.FormSpawner.environment_name = "lab"
c.FormSpawner.pre_spawn_hook = lambda spawner: spawner.environment.update({"CHOSEN": str(spawner.user_options)})
c.JupyterHub.allow_named_servers = True
c.PAMAuthenticator.open_sessions = False
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.template_paths = []
c.JupyterHub.extra_handlers = []
c.JupyterHub.services = [{"name": "dashboard", "api_token": "a-token-of-thirty-two-characters", "admin": True}]
c.JupyterHub.extra_handlers = [(r"/custom/(.*)", StaticFileHandler, {"path": "/usr/share/doc"})] + c.JupyterHub.extra_handlers
c.JupyterHub.template_paths = ["/usr/local/etc/jupyter/forms"] + c.JupyterHub.template_paths
