# Settings that the hub calls: functions, coroutines, and an object whose call is one.
class Limit:
    async def __call__(self, handler):
        return 5 if handler.current_user.admin else 1


async def form(spawner):
    return '<input name="team" value="physics">'


def keep_nothing(spawner, auth_state):
    spawner.environment["STATE"] = str(auth_state)


c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = Limit()
c.JupyterHub.default_url = lambda handler: "/hub/home"
c.JupyterHub.custom_scopes = {"custom:grades:read": {"description": "Read grades"}}
c.Spawner.options_form = form
c.Spawner.options_from_form = lambda data, spawner: {"team": data["team"][0]}
c.Spawner.auth_state_hook = keep_nothing
c.Spawner.oauth_client_allowed_scopes = ["custom:grades:read"]
c.Spawner.environment = {"WHO": lambda spawner: spawner.user.name}
c.Spawner.notebook_dir = "/home/{username}"
