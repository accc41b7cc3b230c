# Several servers per user, with a limit that depends on the user's groups, and a form from a function.
async def how_many(handler):
    user = await handler.get_current_user() if callable(getattr(handler, "get_current_user", None)) else None
    return 5 if user and any(group.name == "staff" for group in user.groups) else 2


async def form(spawner):
    return "" if spawner.name else "<label>Hours <input name='hours' type='number' value='2'></label>"


def answers(data, spawner=None):
    return {"hours": int(data.get("hours", ["2"])[0])}


c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = how_many
c.JupyterHub.active_server_limit = 40
c.JupyterHub.load_groups = {"staff": {"users": ["alice"], "properties": {"floor": 2}}}
c.Spawner.options_form = form
c.Spawner.options_from_form = answers
c.Spawner.ip = "127.0.0.1"
c.Spawner.poll_interval = 60
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
