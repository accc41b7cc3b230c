# Classes defined in the file, configured in sections of their own and of their base classes.
from jupyterhub.auth import PAMAuthenticator
from jupyterhub.spawner import LocalProcessSpawner


class Gatekeeper(PAMAuthenticator):
    def normalize_username(self, username):
        return super().normalize_username(username.strip())


class Launcher(LocalProcessSpawner):
    def start(self):
        self.log.info("%s is launched", self.user.name)
        return super().start()


def notice(text):
    def hook(*arguments):
        with open("/run/hooks.log", "a") as log:
            print(text, file=log)
        return arguments[-1]

    return hook


c.JupyterHub.authenticator_class = Gatekeeper
c.JupyterHub.spawner_class = Launcher
c.LocalAuthenticator.allowed_groups = {"jupyterhub"}
c.LocalAuthenticator.post_auth_hook = notice("login")
c.LocalProcessSpawner.pre_spawn_hook = notice("never")
c.Launcher.pre_spawn_hook = notice("start")
