# Classes defined in the file, with their own hooks.
from jupyterhub.auth import PAMAuthenticator
from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Any, default


def note(*words):
    with open("/run/hooks.log", "a") as log:
        print(*words, file=log)


def notice_login(authenticator, handler, auth_model):
    note("login", auth_model["name"])
    return auth_model


class Gatekeeper(PAMAuthenticator):
    post_auth_hook = Any(notice_login, config=True)


class Launcher(LocalProcessSpawner):
    team = "physics"

    @default("pre_spawn_hook")
    def _pre_spawn_hook(self):
        return lambda spawner: note("start", spawner.user.name, "of", self.team)


c.JupyterHub.authenticator_class = Gatekeeper
c.JupyterHub.spawner_class = Launcher
c.Gatekeeper.allowed_groups = {"jupyterhub"}
