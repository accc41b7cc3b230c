# Keeps the encrypted state of each login, and passes it to servers when they start.
from jupyterhub.auth import PAMAuthenticator


class Campus(PAMAuthenticator):
    async def authenticate(self, handler, data):
        name = await super().authenticate(handler, data)
        return name and {"name": name, "auth_state": {"ticket": f"of {name}"}}

    async def pre_spawn_start(self, user, spawner):
        state = await user.get_auth_state() or {}
        spawner.environment["TICKET"] = state.get("ticket", "none")

    def refresh_user(self, user, handler=None):
        return True


def keep(spawner, auth_state):
    spawner.ticket = (auth_state or {}).get("ticket")


c.JupyterHub.authenticator_class = Campus
c.Campus.allowed_groups = {"jupyterhub"}
c.Authenticator.enable_auth_state = True
c.Authenticator.auth_refresh_age = 3600
c.Authenticator.refresh_pre_spawn = True
c.CryptKeeper.keys = ["11" * 32]
c.Spawner.auth_state_hook = keep
